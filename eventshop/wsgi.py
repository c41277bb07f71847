"""The WSGI application. Under gunicorn it also serves the event streams of live pages (`eventshop.web.live`)."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventshop.settings")
django.setup(set_prefix=False)

from django.urls import get_resolver  # noqa: E402

from eventshop.core.serialization import prepare_all_decoders  # noqa: E402
from eventshop.privacy.encryption.key_wrapping import refuse_wrong_key  # noqa: E402  (its models need Django set up)
from eventshop.web.live.sse_response import WsgiApplication  # noqa: E402

application = WsgiApplication()
refuse_wrong_key()
get_resolver().url_patterns  # noqa: B018  (imports all views, so that prepare_all_decoders() finds the structs that they read)
prepare_all_decoders()
