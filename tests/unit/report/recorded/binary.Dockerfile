ARG BASE_IMAGE=busybox:base
FROM ${BASE_IMAGE} AS mode
ARG BUILD_FROM_SOURCE
RUN <<'CHECK'
sleep 0.3
echo binary > /mode
CHECK

FROM ${BASE_IMAGE} AS base
COPY --from=mode /mode /etc/gpu-build-mode
ARG PYTHON_VERSION=3.10
RUN echo "python ${PYTHON_VERSION}" && sleep 1 && dd if=/dev/zero of=/python bs=1000 count=3000

FROM base AS app
WORKDIR /app
COPY pyproject.toml ./
RUN sleep 0.5 && echo installed && dd if=/dev/zero of=/torch bs=1000 count=5000
COPY . .
RUN sleep 0.2; echo done
CMD ["sh"]
