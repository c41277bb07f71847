# One image, many commands: web, relay, worker, beat and every manage.py command (see compose.yaml).
FROM python:3.11.14-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --only-binary :all: --require-hashes -r requirements.txt

FROM python:3.11.14-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ENV_FILE= \
    STATIC_ROOT=/app/staticfiles \
    HOME=/tmp
# A volume that is mounted on the folder takes over its owner.
RUN useradd --system --uid 10001 --no-create-home eventshop && install -d -o eventshop -g eventshop /var/lib/eventshop \
    && install -d -m 700 -o eventshop -g eventshop /var/backups/eventshop /var/backups/eventshop-keys
# pg_dump, pg_restore and psql for `manage.py backup` and `restore`: of the version of the server in compose.yaml.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates postgresql-common \
    && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh -y \
    && apt-get install -y --no-install-recommends postgresql-client-18 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=packages /venv /venv
# Whatever .dockerignore lets through: a new app needs no line here.
COPY . .
# The settings ask for a key, and for a folder for their own small files; neither outlives this step.
RUN SECRET_KEY=only-while-the-image-is-built-0123456789 DATABASE_URL=postgres://nobody@localhost/none \
    CELERY_BROKER_URL=memory:// python manage.py collectstatic --noinput --verbosity 0 \
    && python -m compileall -q .
USER eventshop
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "eventshop.wsgi", "--config", "eventshop/gunicorn_settings.py", "--worker-tmp-dir", "/dev/shm", "--bind", "0.0.0.0:8000"]
