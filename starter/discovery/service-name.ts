/**
 * Names of Kubernetes Services as callers write them: `users`, `users.other`, `users.other.svc`,
 * `users.other.svc.cluster.local`, in any case and with the dot at the end of an absolute name. The same words in
 * routes, in code and in `breakwater.kubernetes.services.NAME.*`, whether DNS or the API is asked.
 */

export interface ServiceName {
  readonly service: string
  /** Undefined: the own one. */
  readonly namespace: string | undefined
}

/** Where names are read: what is left out of them. */
export interface NamePlace {
  /** Our own namespace; undefined: not known, and then none is left out. */
  readonly namespace: string | undefined
  /** `breakwater.kubernetes.cluster-domain` */
  readonly domain: string
}

/** What nearly every cluster is called. */
export const CLUSTER_DOMAIN = 'cluster.local'

/** Undefined for what can be no Service: a host name of another domain, too many parts, an empty one. */
export function parseServiceName (text: string, { namespace, domain }: NamePlace): ServiceName | undefined {
  const absolute = text.toLowerCase().replace(/\.$/, '')
  const suffix = [`.svc.${domain.toLowerCase()}`, '.svc'].find(end => absolute.endsWith(end)) ?? ''
  const [service = '', space, ...more] = absolute.slice(0, absolute.length - suffix.length).split('.')
  const needsNamespace = suffix !== '' && space === undefined
  if (service === '' || space === '' || more.length > 0 || needsNamespace) return undefined
  return { service, namespace: space === namespace ? undefined : space }
}

/** The one spelling by which a Service is known here: `users` in the own namespace, else `users.other`. */
export function canonicalName (text: string, place: NamePlace): string {
  const name = parseServiceName(text, place)
  if (name === undefined) return text.toLowerCase()
  return name.namespace === undefined ? name.service : `${name.service}.${name.namespace}`
}
