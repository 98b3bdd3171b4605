import { isTree, type Tree } from '../eureka/body.ts'
import { decodeInstance } from '../eureka/decode.ts'
import type { Instance } from '../registry/instance.ts'

/** One instance in another registry's list; `gone` when a delta says that it was removed. */
export interface RemoteEntry {
  readonly instance: Instance
  readonly gone: boolean
}

/** The list of another registry, or its delta. */
export interface RemoteList {
  /** Of the whole list, also in a delta; undefined when none was sent. */
  readonly hash: string | undefined
  readonly entries: readonly RemoteEntry[]
}

/** Old servers send one element instead of a list of one; what cannot be understood is left out. */
export function readRemoteList (body: string): RemoteList {
  const tree: unknown = JSON.parse(body)
  const applications = isTree(tree) && isTree(tree.applications) ? tree.applications : {}
  const entries = listOf(applications.application).flatMap(app => listOf(app.instance)).flatMap(raw => {
    const instance = decodeInstance(raw)
    return 'hostName' in instance ? [{ instance, gone: raw.actionType === 'DELETED' }] : []
  })
  const hash = applications.apps__hashcode
  return { hash: typeof hash === 'string' ? hash : undefined, entries }
}

function listOf (value: unknown): Tree[] {
  return [value].flat().filter(isTree)
}
