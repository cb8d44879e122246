# The chat page and the API of `tezgah serve` with the models in models/ (docs/serving.md).
#   docker build -t tezgah . && docker run -p 8000:8000 -e TEZGAH_TOKEN=… tezgah
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt pyproject.toml README.md ./
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' requirements.txt)" \
    && sed '/^# Development/,$d' requirements.txt > running.txt \
    && grep -E '^(fastapi|starlette|uvicorn|llguidance)==' requirements.txt >> running.txt \
    && pip install --no-cache-dir -r running.txt
COPY pipeline pipeline
COPY stages stages
RUN pip install --no-cache-dir --no-deps --editable . && useradd --uid 1000 --create-home tezgah
COPY models models
USER 1000
EXPOSE 8000
CMD ["tezgah", "serve", "--host", "0.0.0.0"]
