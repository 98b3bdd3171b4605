/**
 * What is loaded only when the settings ask for it, all of it in one place. Imported at the head of a file, each of
 * these costs every process its memory and a share of the start, used or not. Everything else is loaded at once:
 * Fastify, pino, prom-client, the settings with their YAML, the client of other services.
 */
import { withPackage } from './optional-package.ts'

export const onDemand = {
  /** Profile `local`, or `breakwater.discovery.client: eureka`. */
  eureka: () => import('./discovery/eureka/eureka-adapter.ts'),
  /** Profile `consul`: the consul library, 3 MB. */
  consul: () => withPackage('Consul', () => import('./discovery/consul/consul-adapter.ts')),
  /** Profile `k8s`. */
  dns: () => import('./discovery/dns.ts'),
  /** `breakwater.kubernetes.mode: endpoints`. */
  kubernetes: () => import('./discovery/kubernetes.ts'),
  /** The first connection to a cluster: @kubernetes/client-node, 80 MB. */
  kubernetesClient: () => withPackage('The Kubernetes API', () => import('@kubernetes/client-node')),
  /** `spring.config.import: configserver:` and `consul:`. */
  remoteConfigs: () => import('./config/remote-configs.ts'),
  consulConfig: () => withPackage('spring.config.import: consul:', () => import('./config/consul-kv.ts')),
  /** `breakwater.security.mode: bearer`: jose, 3 MB. */
  bearer: () => withPackage('breakwater.security.mode: bearer', () => import('./security/bearer.ts')),
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  spanExporter: () => import('./trace/exporter.ts')
}
