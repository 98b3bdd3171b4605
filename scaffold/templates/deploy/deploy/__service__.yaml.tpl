# kubectl apply -f deploy/{{service}}.yaml; the profile k8s finds other services by their Service.
apiVersion: v1
kind: Service
metadata: { name: {{service}} }
spec:
  selector: { app.kubernetes.io/name: {{service}} }
  ports: [ { name: http, port: 80, targetPort: http, appProtocol: http } ]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: {{service}} }
spec:
  replicas: 2
  selector: { matchLabels: { app.kubernetes.io/name: {{service}} } }
  template:
    metadata: { labels: { app.kubernetes.io/name: {{service}} } }
    spec:
      # Longer than the service takes to finish what it has begun (30 s).
      terminationGracePeriodSeconds: 40
      containers:
      - name: app
        image: {{name}}
        args: [ node, {{service}}/main.{{ext}} ]
        env: [ { name: PROFILE, value: k8s }, { name: MANAGEMENT_SERVER_PORT, value: "8081" } ]
        ports: [ { name: http, containerPort: 8080 }, { name: management, containerPort: 8081 } ]
        readinessProbe: { httpGet: { path: /actuator/health/readiness, port: management }, periodSeconds: 5 }
        livenessProbe: { httpGet: { path: /actuator/health/liveness, port: management } }
        resources:
          requests: { cpu: 100m, memory: 128Mi }
          limits: { memory: 256Mi }
        securityContext: { runAsNonRoot: true, runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false }
