/** What a label stands for: a branch, a tag or a commit, held by a pin or given to some by a rollout. */
import type { Ask } from '../../environment/ask.ts'
import { error } from '../../errors.ts'
import type { Asker } from '../backend.ts'
import type { Commit, CommitFiles } from './commit-files.ts'
import type { LabelChoice } from './label-choice.ts'
import type { Refs } from './mirror.ts'

export interface LabelOptions {
  readonly defaultLabel: string
  readonly tryMasterBranch: boolean
  readonly continueOnMultipleLabelFailure: boolean
}

/** A label of a question, and the commit that it stands for now. */
export interface LabelledCommit {
  readonly label: string
  readonly commit: Commit
}

const MAX_KNOWN_IDS = 1_000
// How git writes a branch, a tag and a commit besides their plain names; no expression that leads on from one of them.
const BRANCH_PREFIX = /^(?:refs\/)?(?:heads\/|remotes\/origin\/)|^origin\//
const TAG_PREFIX = /^(?:refs\/)?tags\//
const COMMIT_ID = /^(?:.+-\d+-g)?([0-9a-f]{4,64})$/i

export class Labels {
  readonly #uri: string
  readonly #options: LabelOptions
  readonly #choice: LabelChoice
  readonly #ids = new Map<string, string>()
  refs: Refs = { branches: new Map(), tags: new Map() }

  constructor (uri: string, options: LabelOptions, choice: LabelChoice) {
    this.#uri = uri
    this.#options = options
    this.#choice = choice
  }

  get isEmpty (): boolean {
    return this.refs.branches.size === 0 && this.refs.tags.size === 0
  }

  /** The labels of a question; the default one when it names none. */
  of ({ labels }: Ask): readonly string[] {
    return labels.length > 0 ? labels : [this.#options.defaultLabel]
  }

  /** Under which name the label of a question is pinned: equal labels of other repositories are others. */
  choiceKey (ask: Ask): string {
    return this.#key(this.of(ask).at(-1) ?? '')
  }

  // However a branch is spelled, it is pinned as one.
  #key (label: string): string {
    return `${this.#uri}#${this.#plain(label)}`
  }

  /** The commits that the labels of a question stand for, without I/O; undefined when one is not known that way. */
  stamp (ask: Ask, asker: Asker): string | undefined {
    const commits = this.of(ask).map(label => this.#known(label, asker))
    return commits.includes(undefined) ? undefined : commits.join(',')
  }

  /** The commits of a question's labels; throws E_CONFIG_NO_LABEL for one that is missing. */
  async commits (ask: Ask, asker: Asker, files: CommitFiles): Promise<LabelledCommit[]> {
    const labels = this.of(ask)
    const found: LabelledCommit[] = []
    for (const label of labels) {
      const commit = await this.resolve(label, asker, files)
      if (commit !== undefined) found.push({ label, commit })
      else if (labels.length === 1 || !this.#options.continueOnMultipleLabelFailure) throw error('E_CONFIG_NO_LABEL', [label])
    }
    if (found.length === 0) throw error('E_CONFIG_NO_LABEL', [labels.join(',')])
    return found
  }

  async resolve (label: string, asker: Asker, files: CommitFiles): Promise<Commit | undefined> {
    const known = this.#known(label, asker)
    if (known !== undefined) return files.commit(known)
    const id = COMMIT_ID.exec(label)?.[1]
    const commit = id === undefined ? undefined : await files.commit(id.toLowerCase())
    if (commit === undefined) return undefined
    if (this.#ids.size >= MAX_KNOWN_IDS) this.#ids.clear()
    this.#ids.set(label, commit.id)
    return commit
  }

  // A branch comes before a tag and both before an abbreviated id; `master` stands in for a missing `main` only.
  #known (label: string, asker: Asker): string | undefined {
    const now = this.#named(label) ??
      (label === 'main' && this.#options.tryMasterBranch ? this.#named('master') : undefined) ?? this.#ids.get(label)
    return now === undefined ? undefined : this.#choice.choose(this.#key(label), now, asker)
  }

  #named (label: string): string | undefined {
    const { branches, tags } = this.refs
    const plain = this.#plain(label)
    return branches.get(plain) ?? tags.get(plain)
  }

  #plain (label: string): string {
    const { branches, tags } = this.refs
    if (branches.has(label) || tags.has(label)) return label
    const [branch, tag] = [label.replace(BRANCH_PREFIX, ''), label.replace(TAG_PREFIX, '')]
    if (branch !== label && branches.has(branch)) return branch
    return tag !== label && tags.has(tag) && !branches.has(tag) ? tag : label
  }
}

export function sameRefs (a: Refs, b: Refs): boolean {
  return sameMap(a.branches, b.branches) && sameMap(a.tags, b.tags)
}

function sameMap (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value)
}
