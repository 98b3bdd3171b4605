/** A whole project: what kind, which templates, which packages. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { ScaffoldError } from './scaffold-error.ts'
import { checkName, fill, render, writeFiles, type Words } from './templates.ts'
import { versionOf } from './version.ts'

export const KINDS = {
  service: 'one service with a route and a test',
  gateway: 'a gateway for services that are elsewhere',
  shop: 'two services, a saga between them, tests under virtual time'
} as const

export type Kind = keyof typeof KINDS

export interface ProjectOptions {
  /** Where it is made; its last part is the project's name. Empty or not there yet. */
  readonly folder: string
  readonly kind: Kind
  /** JavaScript instead of TypeScript; a shop is always TypeScript. @default false */
  readonly javascript?: boolean
  /** Of the kind `service`: the service's name. @default hello */
  readonly service?: string
}

const READMES: Readonly<Record<Kind, string>> = {
  service: `Then \`curl http://127.0.0.1:8080/{{service}}/7\`. The service is {{service}}/{{service}}.{{ext}}; its settings are
config/application.yml, served by the config server: change \`greeting\` there and ask again.

\`npx breakwater add service NAME\` makes another one, \`npx breakwater help\` tells what else there is.`,
  gateway: `Routes are in [gateway.yml](gateway.yml), in Spring Cloud Gateway's words; http://127.0.0.1:8761 shows who is registered.
\`npx breakwater add plugin NAME\` makes a filter of your own.`,
  shop: `\`\`\`sh
curl http://127.0.0.1:8080/carts -H 'content-type: application/json' -d '{"amount":70}'
npx breakwater sagas
\`\`\`

shop/check-out.ts is the saga: one pure function. Kill payments (\`npx breakwater kill payments\`) and see the cart wait for it.`
}

/** Writes it; returns the paths, relative to the folder. Throws ScaffoldError, and then nothing is written. */
export function createProject ({ folder, kind, javascript = false, service: asked = 'hello' }: ProjectOptions): string[] {
  const root = resolve(folder)
  const name = basename(root)
  if (!/^[a-z0-9][a-z0-9._-]{0,100}$/.test(name)) {
    throw new ScaffoldError(`"${name}" cannot be the name of a package: small letters, digits, ".", "-" and "_".`)
  }
  if (existsSync(root) && readdirSync(root).some(file => file !== '.git')) {
    throw new ScaffoldError(`${root} is not empty: name a folder that is, or that does not exist yet.`)
  }
  const service = kind === 'shop' ? 'shop' : checkName('service', asked)
  const ext = kind !== 'service' || !javascript ? 'ts' : 'js'
  const words: Words = { name, service, ext }
  const files = render(templatesOf(kind, ext), { ...words, readme: fill(READMES[kind], words) })
  if (kind === 'gateway') files.delete('Dockerfile')
  files.set('package.json', `${JSON.stringify(manifestOf(name, kind, ext), null, 2)}\n`)
  mkdirSync(root, { recursive: true })
  writeFiles(root, files)
  return [...files.keys()].toSorted()
}

function templatesOf (kind: Kind, ext: string): string[] {
  if (kind === 'gateway') return ['common', 'gateway']
  const typed = ext === 'ts' ? ['typescript'] : []
  return kind === 'shop' ? ['common', ...typed, 'shop', 'deploy'] : ['common', ...typed, `service-${ext}`, 'settings', 'deploy']
}

function manifestOf (name: string, kind: Kind, ext: string): object {
  // All packages have one version.
  const version = `^${versionOf(import.meta.dirname)}`
  const typed = kind !== 'gateway' && ext === 'ts'
  return {
    name,
    version: '0.1.0',
    private: true,
    type: 'module',
    engines: { node: '>=22.19' },
    scripts: { start: 'breakwater up', test: 'node --test', ...(typed ? { check: 'tsc' } : {}) },
    dependencies: kind === 'gateway' ? { '@breakwater/cli': version } : {
      '@breakwater/starter': version, ...(kind === 'shop' ? { '@breakwater/messaging': version } : {})
    },
    devDependencies: {
      ...(kind === 'gateway' ? {} : { '@breakwater/cli': version }),
      ...(typed ? { '@types/node': '^24.0.0', typescript: '^5.9.0' } : {})
    }
  }
}
