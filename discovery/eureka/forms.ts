import type { Change } from '../registry/change-log.ts'
import type { Instance } from '../registry/instance.ts'
import type { ListedApplication, Listing } from '../registry/listing.ts'
import { hashOf } from '../registry/status.ts'
import { compactInstanceJson, instanceJson } from './json.ts'
import { close, compactInstanceXml, element, FLAT, instanceXml, open } from './xml.ts'

/** The four forms of every list: two encodings, each whole or compact. */
export const FORM_NAMES = ['json', 'json-compact', 'xml', 'xml-compact'] as const
export type FormName = typeof FORM_NAMES[number]

/** How one form writes a list of applications around the applications themselves. */
export interface Form {
  readonly type: 'application/json' | 'application/xml'
  readonly between: string
  application (name: string, instances: Iterable<Instance>): string
  head (version: string, hash: string): string
  tail (version: string, hash: string): string
}

const text = JSON.stringify as (value: string) => string

export const FORMS: Readonly<Record<FormName, Form>> = {
  json: {
    type: 'application/json',
    between: ',',
    application: (name, instances) => applicationJson(name, instances, instanceJson),
    head: (version, hash) => `{"applications":{"versions__delta":"${version}","apps__hashcode":"${hash}","application":[`,
    tail: () => ']}}'
  },
  'json-compact': {
    type: 'application/json',
    between: ',',
    application: (name, instances) => applicationJson(name, instances, compactInstanceJson),
    head: () => '{"applications":{"application":[',
    tail: (version, hash) => `],"versions__delta":"${version}","apps__hashcode":"${hash}"}}`
  },
  xml: {
    type: 'application/xml',
    between: '',
    application: (name, instances) => applicationXml(name, instances, 1),
    head: (version, hash) => open('applications', 0) + element('versions__delta', version, 1) + element('apps__hashcode', hash, 1),
    tail: () => close('applications', 0).trimEnd()
  },
  'xml-compact': {
    type: 'application/xml',
    between: '',
    application: (name, instances) => open('application', FLAT) + element('name', name, FLAT) +
      joined(instances, compactInstanceXml) + close('application', FLAT),
    head: () => open('applications', FLAT),
    tail: (version, hash) => element('versions__delta', version, FLAT) + element('apps__hashcode', hash, FLAT) + close('applications', FLAT)
  }
}

/** `GET apps/APP`: one application under its own root. */
export function applicationDocument (form: FormName, app: ListedApplication): string {
  if (form === 'xml') return applicationXml(app.name, instancesOf(app), 0).trimEnd()
  const application = FORMS[form].application(app.name, instancesOf(app))
  return FORMS[form].type === 'application/json' ? `{"application":${application}}` : application
}

/** `GET apps/APP/ID`: one instance under its own root. */
export function instanceDocument (form: FormName, instance: Instance): string {
  if (form === 'json') return `{"instance":${instanceJson(instance)}}`
  if (form === 'json-compact') return `{"instance":${compactInstanceJson(instance)}}`
  return form === 'xml' ? instanceXml(instance, 0).trimEnd() : compactInstanceXml(instance)
}

/** A list of chosen instances, grouped by application; version `-1` and a hash of their own, as for a vip. */
export function selectionDocument (form: FormName, instances: readonly Instance[]): string {
  return documentOf(form, instances, '-1', hashOf(instances))
}

/** Eureka's delta: the changed instances under the version and the hash of the whole registry. */
export function deltaDocument (form: FormName, changes: readonly Change[], book: Listing): string {
  return documentOf(form, changes.map(change => change.instance), versionOf(book), book.statuses.hash())
}

/**
 * The version of a list. It changes with every change of content (Python's client skips a delta whose version and
 * hash it has seen), also over a restart of the registry, and is never the original's -1, which makes Java's client
 * fetch everything.
 */
export function versionOf (book: Listing): string {
  return String(book.startedAt + book.log.n)
}

export function * instancesOf (app: ListedApplication): Generator<Instance> {
  for (const lease of app.leases.values()) yield lease.instance
}

function documentOf (name: FormName, instances: readonly Instance[], version: string, hash: string): string {
  const form = FORMS[name]
  const applications: string[] = []
  for (const [app, group] of Map.groupBy(instances, instance => instance.app)) {
    applications.push(form.application(app, group))
  }
  return form.head(version, hash) + applications.join(form.between) + form.tail(version, hash)
}

function applicationJson (name: string, instances: Iterable<Instance>, one: (instance: Instance) => string): string {
  let json = `{"name":${text(name)},"instance":[`
  let first = true
  for (const instance of instances) {
    json += first ? one(instance) : `,${one(instance)}`
    first = false
  }
  return json + ']}'
}

function applicationXml (name: string, instances: Iterable<Instance>, level: number): string {
  return open('application', level) + element('name', name, level + 1) +
    joined(instances, instance => instanceXml(instance, level + 1)) + close('application', level)
}

function joined (instances: Iterable<Instance>, one: (instance: Instance) => string): string {
  let xml = ''
  for (const instance of instances) xml += one(instance)
  return xml
}
