"""The ASGI application, for servers that stream."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
application = get_asgi_application()
