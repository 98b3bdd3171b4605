/** Parts for a project that exists: their files, and their entries in its breakwater.yml and gateway.yml. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isSeq, parseDocument, type Document } from 'yaml'
import { ScaffoldError } from './scaffold-error.ts'
import { camel, checkName, pascal, render, writeFiles } from './templates.ts'

/** A service with a route and a test; returns the paths that were written. */
export function addService (root: string, name: string, { javascript = false } = {}): string[] {
  const stack = readYaml(root, 'breakwater.yml')
  checkName('service', name)
  if (stack.hasIn(['services', name])) throw new ScaffoldError(`breakwater.yml has a service ${name} already.`)
  const ext = javascript ? 'js' : 'ts'
  const words = { service: name, ext, name }
  const files = new Map([...render([`service-${ext}`, 'deploy'], words)].filter(([path]) => path !== 'breakwater.yml'))
  writeFiles(root, files)
  stack.setIn(['services', name], stack.createNode(
    { script: `${name}/main.${ext}`, watch: [name], check: `/${name}/1` }, { flow: true }))
  writeYaml(root, 'breakwater.yml', stack)
  return [...files.keys(), 'breakwater.yml']
}

/** One more path of a service. */
export function addRoute (root: string, service: string, path: string): string[] {
  const stack = readYaml(root, 'breakwater.yml')
  if (!stack.hasIn(['services', service])) throw new ScaffoldError(`breakwater.yml has no service ${service}.`)
  if (!path.startsWith('/')) throw new ScaffoldError(`"${path}" is no path: it begins with "/".`)
  const at = ['services', service, 'route']
  const route = stack.toJS().services[service].route as unknown
  const { paths, ...rest } = routeOf(route, service)
  if (paths.includes(path)) throw new ScaffoldError(`${service} has the route ${path} already.`)
  const next = Object.keys(rest).length === 0 ? [...paths, path] : { ...rest, paths: [...paths, path] }
  stack.setIn(at, stack.createNode(next, { flow: true }))
  writeYaml(root, 'breakwater.yml', stack)
  return ['breakwater.yml']
}

function routeOf (route: unknown, service: string): { paths: string[] } {
  if (route === undefined || route === true) return { paths: [`/${service}`, `/${service}/**`] }
  if (route === false) return { paths: [] }
  if (typeof route === 'string') return { paths: [route] }
  if (Array.isArray(route)) return { paths: route as string[] }
  const { paths, ...rest } = route as { paths?: string | string[] }
  return { ...rest, paths: typeof paths === 'string' ? [paths] : paths ?? routeOf(undefined, service).paths }
}

/** A saga of a service, with its test. */
export function addSaga (root: string, service: string, name: string): string[] {
  if (!existsSync(join(root, service))) throw new ScaffoldError(`there is no folder ${service} here.`)
  checkName('saga', name)
  const files = render(['saga'], { service, file: name, saga: camel(name), Saga: pascal(name) })
  writeFiles(root, files)
  return [...files.keys()]
}

/** A plugin of the gateway, named in its settings file. */
export function addPlugin (root: string, name: string): string[] {
  checkName('plugin', name)
  const stack = existsSync(join(root, 'breakwater.yml')) ? readYaml(root, 'breakwater.yml') : undefined
  const config = stack?.getIn(['platform', 'gateway', 'config']) as string | undefined
  const file = config ?? 'gateway.yml'
  const gateway = existsSync(join(root, file)) ? readYaml(root, file) : parseDocument('spring.application.name: gateway\n')
  const files = render(['plugin'], { plugin: name, Plugin: pascal(name) })
  writeFiles(root, files)
  const at = pluginsKey(gateway)
  const list = gateway.getIn(at, true)
  if (isSeq(list)) list.add(`./plugins/${name}.ts`)
  else gateway.setIn(at, gateway.createNode([`./plugins/${name}.ts`], { flow: true }))
  writeYaml(root, file, gateway)
  if (stack === undefined || config !== undefined) return [...files.keys(), file]
  stack.setIn(['platform', 'gateway'], stack.createNode({ config: file }, { flow: true }))
  writeYaml(root, 'breakwater.yml', stack)
  return [...files.keys(), file, 'breakwater.yml']
}

/** Keys may be nested or joined by dots, as Spring reads them. */
function pluginsKey (gateway: Document): string[] {
  const nested = ['breakwater', 'gateway', 'plugins']
  const joined = 'breakwater.gateway.plugins'
  return gateway.has('breakwater') ? nested : [joined]
}

function readYaml (root: string, name: string): Document {
  const file = join(root, name)
  if (!existsSync(file)) throw new ScaffoldError(`there is no ${name} in ${root}: run this in the project's folder.`)
  const document = parseDocument(readFileSync(file, 'utf8'))
  const [fault] = document.errors
  if (fault !== undefined) throw new ScaffoldError(`${file}: ${fault.message}`)
  return document
}

function writeYaml (root: string, name: string, document: Document): void {
  writeFileSync(join(root, name), document.toString({ lineWidth: 120 }))
}
