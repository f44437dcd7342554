FROM busybox:base AS common
RUN sleep 1; echo common
FROM common AS a
RUN sleep 0.5; echo a
FROM common AS b
RUN sleep 2; echo b
RUN sleep 1
