/** The services of a stack file, with what it leaves to defaults. */
import { resolve } from 'node:path'
import type { Program, Route, ServiceEntry } from './stack-file.ts'
import { listOf, textsOf, type TextOrList, type Texts } from './values.ts'

export interface RawService {
  readonly script?: string
  readonly command?: string
  readonly folder?: string
  readonly port?: number
  readonly env?: Texts
  readonly 'env-file'?: TextOrList
  readonly health?: string
  readonly 'depends-on'?: TextOrList
  readonly copies?: number
  readonly watch?: boolean | string | readonly string[]
  readonly register?: boolean
  readonly route?: boolean | string | readonly string[] | RawRoute
  readonly check?: string
}

interface RawRoute {
  readonly paths?: TextOrList
  readonly strip?: number
  readonly filters?: readonly string[]
}

export function servicesOf (raw: Readonly<Record<string, RawService>>, root: string): Map<string, ServiceEntry> {
  return new Map(Object.entries(raw).map(([name, one]) => [name, serviceOf(name, one, root)]))
}

function serviceOf (name: string, raw: RawService, root: string): ServiceEntry {
  const folder = resolve(root, raw.folder ?? '.')
  const route = routeOf(name, raw.route ?? true)
  return {
    name,
    program: programOf(raw, root),
    folder,
    port: raw.port ?? 0,
    env: textsOf(raw.env),
    envFiles: listOf(raw['env-file']).map(file => resolve(root, file)),
    health: raw.health,
    dependsOn: listOf(raw['depends-on']),
    copies: raw.copies ?? 1,
    watch: raw.watch === true ? [folder] : listOf(raw.watch || undefined).map(path => resolve(root, path)),
    register: raw.register,
    route,
    check: raw.check ?? checkOf(route)
  }
}

function programOf ({ script, command }: RawService, root: string): Program {
  return script === undefined ? { command: command ?? '' } : { script: resolve(root, script) }
}

/** By default each service has the paths that begin with its name. */
function routeOf (name: string, raw: NonNullable<RawService['route']>): Route | undefined {
  if (raw === false) return undefined
  const { paths, strip = 0, filters = [] } = raw === true ? {} : isRoute(raw) ? raw : { paths: raw }
  const asked = listOf(paths)
  return { paths: asked.length === 0 ? [`/${name}`, `/${name}/**`] : asked, strip, filters }
}

function isRoute (raw: string | readonly string[] | RawRoute): raw is RawRoute {
  return typeof raw === 'object' && !Array.isArray(raw)
}

/** The first path up to what varies in it. */
function checkOf (route: Route | undefined): string | undefined {
  const fixed = route?.paths[0]?.replace(/\/?[*{].*$/, '')
  return fixed === '' ? '/' : fixed
}
