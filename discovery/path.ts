/** What a proxy's client sends before the path (RFC 9112, 3.2.2). */
const ABSOLUTE = /^https?:\/\/[^/?#]*/i
/** Cannot be asked for: a path begins with a slash. */
const NOWHERE = '/*'

/**
 * The path that a request is routed by. A base URL that ends in a slash, glued to `/eureka/`, has two of them, which
 * Spring takes for one (but only there). Under a context path there is nothing beside it.
 */
export function routedPath (url: string, contextPath: string): string {
  const path = url.replace(ABSOLUTE, '').replace(/^\/{2,}/, '/')
  if (contextPath === '') return path
  if (!path.startsWith(contextPath)) return NOWHERE
  const rest = path.slice(contextPath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? routedPath(rest, '') : NOWHERE
}
