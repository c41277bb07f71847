from django.db import migrations

from eventshop.eventstore.payload_indexes import create_payload_index, drop_payload_index
from orders.application.payload_indexes import PAYLOAD_INDEXES


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0010_change_marks"),
        ("store", "0001_initial"),
    ]

    operations = [
        migrations.RunPython(create_payload_index(index), drop_payload_index(index)) for index in PAYLOAD_INDEXES
    ]
