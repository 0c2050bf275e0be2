# GWAE Explorer for visitors who look: no training, no deletion, nothing written. docs/deploy.md explains it.
#   docker build -t gwae-explorer .
#   docker run --read-only --tmpfs /tmp --memory 4g -p 127.0.0.1:8501:8501 gwae-explorer
FROM python:3.12-slim

# The CPU build of torch: the default one brings gigabytes for GPUs.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

WORKDIR /srv/gwae
COPY requirements.txt .
RUN pip install --no-cache-dir --no-deps --extra-index-url "$TORCH_INDEX" $(grep -E '^torch(vision)?==' requirements.txt) && pip install --no-cache-dir -r requirements.txt
COPY trainer trainer
COPY explorer explorer
COPY pages pages
COPY pretrained pretrained
COPY LICENSE NOTICE ./
RUN useradd --system --no-create-home --shell /usr/sbin/nologin gwae

# Everything below belongs to root: the process cannot change its own code or models.
USER gwae
ENV GWAE_MODE=view GWAE_RUNS=/srv/gwae/runs HOME=/tmp PYTHONDONTWRITEBYTECODE=1
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD python -c "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', ''); urllib.request.urlopen(f'http://127.0.0.1:8501/{base}/_stcore/health' if base else 'http://127.0.0.1:8501/_stcore/health', timeout=4)"
CMD ["streamlit", "run", "explorer/app.py", "--server.address", "0.0.0.0"]
