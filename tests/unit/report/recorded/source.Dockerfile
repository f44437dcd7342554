ARG BASE_IMAGE=busybox:base
FROM ${BASE_IMAGE} AS torch-build
RUN sleep 1.2 && mkdir -p /opt/torch && dd if=/dev/zero of=/opt/torch/lib bs=1000 count=4000
FROM scratch AS torch
COPY --from=torch-build /opt/torch /opt/torch
FROM ${BASE_IMAGE} AS app
COPY --from=torch /opt /opt
COPY . /app
RUN echo source; sleep 0.2; if [ -f /app/fail ]; then echo "error: no <b>kernel</b>"; exit 3; fi
