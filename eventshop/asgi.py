"""The ASGI application."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
application = get_asgi_application()

from django.urls import get_resolver  # noqa: E402

from eventshop.core.serialization import prepare_all_decoders  # noqa: E402
from eventshop.privacy.encryption.key_wrapping import refuse_wrong_key  # noqa: E402  (its models need Django set up)

refuse_wrong_key()
get_resolver().url_patterns  # noqa: B018  (imports all views, so that prepare_all_decoders() finds the structs that they read)
prepare_all_decoders()
