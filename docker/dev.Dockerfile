# The CI machine and the devcontainer: Debian and its packages, nothing else. Build it from the project's root:
#   docker build -t lineshaft-dev -f docker/dev.Dockerfile .
#   docker run --rm -it -v "$PWD":/src -w /src lineshaft-dev ./dev test
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates git && rm -rf /var/lib/apt/lists/*
COPY dev /tmp/dev
RUN /tmp/dev deps run test fuzz fmt && rm -rf /var/lib/apt/lists/* /tmp/dev
