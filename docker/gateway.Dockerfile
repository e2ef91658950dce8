# A federation gateway: the node's image with another command.
ARG NODE_IMAGE=gridspine/node:latest
FROM ${NODE_IMAGE}
EXPOSE 7600
HEALTHCHECK --interval=15s --timeout=3s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7600/healthz', timeout=2)"]
ENTRYPOINT ["kgfed"]
CMD ["serve", "/home/gridspine/data", "--host", "0.0.0.0", "--port", "7600"]
