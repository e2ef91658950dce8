# A node of one organisation; its home is a volume.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --require-hashes --prefix=/install -r requirements.lock
COPY kgnode ./kgnode
COPY federation ./federation
COPY ontologies ./ontologies
COPY shapes ./shapes
RUN pip install --no-cache-dir --no-deps --prefix=/install .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 gridspine
COPY --from=build /install /usr/local
COPY LICENSE docker/NOTICES.md /usr/share/doc/gridspine/
USER gridspine
VOLUME /home/gridspine/data
EXPOSE 8700
HEALTHCHECK --interval=15s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8700/healthz', timeout=2)"]
ENTRYPOINT ["kgnode"]
CMD ["serve", "/home/gridspine/data", "--host", "0.0.0.0", "--port", "8700"]
