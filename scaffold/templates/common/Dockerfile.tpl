# docker build -t {{name}} .      docker run --rm -p 8080:8080 {{name}} node {{service}}/main.{{ext}}
FROM node:24-slim
WORKDIR /app
COPY package*.json ./
RUN npm install --omit=dev --no-audit --no-fund && npm cache clean --force
COPY . .
ENV NODE_ENV=production SERVER_ADDRESS=0.0.0.0 SERVER_PORT=8080
USER node
CMD ["node", "{{service}}/main.{{ext}}"]
