/** The routes that the stack file gives its services: a file of the gateway's, beside those put in by its admin. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { ServiceEntry } from '../stack-file/stack-file.ts'

interface StoredRoute {
  readonly id: string
  readonly metadata?: { readonly from?: string }
}

const OURS = 'breakwater.yml'

export function routesFile (dataFolder: string): string {
  return join(dataFolder, 'gateway/routes.json')
}

/** Replaces what an earlier start wrote; routes of the admin stay. */
export function writeRoutes (services: Iterable<ServiceEntry>, dataFolder: string): void {
  const file = routesFile(dataFolder)
  const routes = [...services].flatMap(service => routeOf(service))
  const ids = new Set(routes.map(({ id }) => id))
  const others = read(file).filter(({ id, metadata }) => metadata?.from !== OURS && !ids.has(id))
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, `${JSON.stringify([...others, ...routes], null, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function routeOf ({ name, route }: ServiceEntry): StoredRoute[] {
  if (route === undefined) return []
  const { paths, strip, filters } = route
  return [{
    id: name, uri: `lb://${name}`, predicates: [`Path=${paths.join(',')}`],
    filters: [...(strip === 0 ? [] : [`StripPrefix=${strip}`]), ...filters], metadata: { from: OURS }
  } as StoredRoute]
}

/** A file that is no list is left to the gateway, which says what is wrong with it. */
function read (file: string): StoredRoute[] {
  try {
    const routes: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(routes) ? routes as StoredRoute[] : []
  } catch {
    return []
  }
}
