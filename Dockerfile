# Vestnik in a container: pages, sending, or both, by the setting ROLES. How it fits together: compose.yaml, docs/growing.md.

FROM node:26-bookworm AS build
WORKDIR /vestnik
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
# What only develops goes, and with the optional packages a second Node.js and the embedded PostgreSQL: the image has its own
# Node.js, and the database is another container.
RUN npm prune --omit=dev --omit=optional

FROM node:26-bookworm-slim
# A process without pages answers /healthz on METRICS_PORT, one with pages on PORT: the check below need not know which it is.
ENV HOST=0.0.0.0 PORT=3000 METRICS_PORT=3000
WORKDIR /vestnik
COPY --from=build /vestnik/package.json ./
COPY --from=build /vestnik/node_modules node_modules
COPY --from=build /vestnik/migrations migrations
COPY --from=build /vestnik/dist dist
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3000/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Not `npm start`, which would look for something to install or to build.
CMD ["node", "--enable-source-maps", "--max-semi-space-size=8", "--max-old-space-size=1024", "dist/server/main.js"]
