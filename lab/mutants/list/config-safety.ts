/** Faults of the config server's safety net, of its git mirrors and of its stores. */
import type { Mutant } from '../mutant.ts'

const HELD_BACK = ['config-server/test/held-back.test.ts']
const CHOICE = ['config-server/test/git-choice.test.ts']
const TRANSFER = ['config-server/test/git-transfer.test.ts']
const SCHEMA = ['config-server/test/schema.test.ts']
const STORES = ['config-server/test/stores.test.ts']

export const CONFIG_SAFETY: readonly Mutant[] = [
  {
    id: 'net-first-file',
    package: 'config-server',
    breaks: 'a file that broke with its first commit is never left out',
    file: 'config-server/safety/safe-backend.ts',
    from: 'if (hasAllOf(faults, found) && (await',
    to: 'if ((await',
    seenBy: HELD_BACK
  },
  {
    id: 'net-schema-of-now',
    package: 'config-server',
    breaks: 'an earlier state has to keep the schema that lay beside it',
    file: 'config-server/safety/safe-backend.ts',
    from: 'if (hasAllOf(faults, found) && (await faultsOf(ask, found, this.#schemas)).length === 0)',
    to: 'if (hasAllOf(faults, found) && (found.broken ?? []).length === 0)',
    seenBy: HELD_BACK
  },
  {
    id: 'net-one-page',
    package: 'config-server',
    breaks: 'a good state is found however far back it lies',
    file: 'config-server/backends/git/commit-changes.ts',
    from: 'from = page.length < PAGE ? undefined :',
    to: 'from = page.length <= PAGE ? undefined :',
    seenBy: HELD_BACK
  },
  {
    id: 'net-one-fault',
    package: 'config-server',
    breaks: 'each broken file is found, not only the first',
    file: 'config-server/environment/order.ts',
    from: 'broken: uniqueFiles([...general, ...specific])',
    to: 'broken: uniqueFiles(general)',
    seenBy: HELD_BACK
  },
  {
    id: 'net-repair-untold',
    package: 'config-server',
    breaks: 'health tells of a repair without a question',
    file: 'config-server/safety/safe-backend.ts',
    from: 'this.#inner.watch(() => { void this.#lookAgain() })',
    to: 'this.#inner.watch(() => {})',
    seenBy: HELD_BACK
  },
  {
    id: 'net-all-labels-back',
    package: 'config-server',
    breaks: 'the label that is broken goes back, the others stay',
    file: 'config-server/backends/state-lines.ts',
    from: 'if (broken >= 0) return',
    to: 'if (broken > 99) return',
    seenBy: HELD_BACK
  },
  {
    id: 'folder-asked-only',
    package: 'config-server',
    breaks: 'a file of a folder is known before anybody asks for it',
    file: 'config-server/backends/native.ts',
    from: 'for (const path of await scanLocations(this.#templates)) {',
    to: 'for (const path of []) {',
    seenBy: HELD_BACK
  },
  {
    id: 'link-out',
    package: 'config-server',
    breaks: 'a link that leads out of the repository is told',
    file: 'config-server/backends/git/commit-files.ts',
    from: 'if (target.startsWith(\'/\')) return',
    to: 'if (target.startsWith(\'//\')) return',
    seenBy: CHOICE
  },
  {
    id: 'link-unseen',
    package: 'config-server',
    breaks: 'what a link leads to concerns who asks for the link',
    file: 'config-server/backends/git/commit-answers.ts',
    from: ', ...names]',
    to: ']',
    seenBy: CHOICE
  },
  {
    id: 'link-unwatched',
    package: 'config-server',
    breaks: 'who watches a link is told of what it leads to',
    file: 'config-server/backends/git/commit-answers.ts',
    from: 'if (linked.has(file) || stems',
    to: 'if (stems',
    seenBy: CHOICE
  },
  {
    id: 'pattern-as-written',
    package: 'config-server',
    breaks: 'a pattern without a slash is matched as it is written, too',
    file: 'config-server/backends/git/pattern-choice.ts',
    from: '    pattern,\n',
    to: '',
    seenBy: CHOICE
  },
  {
    id: 'pattern-profiles',
    package: 'config-server',
    breaks: 'the profiles are matched once more as they were written',
    file: 'config-server/backends/git/pattern-choice.ts',
    from: '&& (uri.includes(\'{\') || fits(ask.profile))',
    to: '&& uri !== \'\'',
    seenBy: CHOICE
  },
  {
    id: 'bytes-are-silent',
    package: 'config-server',
    breaks: 'git.timeout limits silence, not duration',
    file: 'config-server/backends/git/git-process.ts',
    from: '|| now.bytes !== seen.bytes',
    to: '|| now.bytes < 0',
    seenBy: TRANSFER
  },
  {
    id: 'busy-is-silent',
    package: 'config-server',
    breaks: 'git that works without a word is not ended',
    file: 'config-server/backends/git/git-process.ts',
    from: 'if (isAtWork) timer.refresh()',
    to: 'if (isAtWork && child.pid === 0) timer.refresh()',
    seenBy: TRANSFER
  },
  {
    id: 'leftovers-stay',
    package: 'config-server',
    breaks: 'a try that fails leaves nothing',
    file: 'config-server/backends/git/mirror.ts',
    from: '      await runGit({ ...run, args: [...FETCH, \'--\', this.#uri, ...REFSPECS] })\n    } catch (failure) {\n      await this.clean()\n',
    to: '      await runGit({ ...run, args: [...FETCH, \'--\', this.#uri, ...REFSPECS] })\n    } catch (failure) {\n',
    seenBy: TRANSFER
  },
  {
    id: 'orphans-live',
    package: 'config-server',
    breaks: 'the git processes of a killed server end',
    file: 'config-server/backends/git/guard.ts',
    from: 'do kill -9 "-$group"; done',
    to: 'do kill -0 "-$group"; done',
    seenBy: TRANSFER
  },
  {
    id: 'names-leave-mirrors',
    package: 'config-server',
    breaks: 'a name that stands for no repository leaves nothing',
    file: 'config-server/backends/git/mirror.ts',
    from: '    await runGit({ ...run, folder: dirname(this.folder), args: [\'ls-remote\', \'--quiet\', \'--heads\', \'--\', this.#uri] })\n',
    to: '',
    seenBy: TRANSFER
  },
  {
    id: 'schema-without-deadline',
    package: 'config-server',
    breaks: 'a schema that takes for ever is ended',
    file: 'config-server/safety/schema-thread.ts',
    from: 'this.#timer = setTimeout(() => this.#end(why), ms)',
    to: 'this.#timer = setTimeout(() => this.#end(why), ms * 1000)',
    seenBy: SCHEMA
  },
  {
    id: 'store-asked-by-all',
    package: 'config-server',
    breaks: 'a store that failed is not waited for by every caller',
    file: 'config-server/backends/store-backend.ts',
    from: 'if (this.#nowMs() < this.#nextTryMs) return false',
    to: 'if (this.#nowMs() < 0) return false',
    seenBy: STORES
  },
  {
    id: 'store-trial-waits',
    package: 'config-server',
    breaks: 'who tries a store again does not wait for it',
    file: 'config-server/backends/store-backend.ts',
    from: 'if (this.#problem !== undefined && known !== undefined) {',
    to: 'if (this.#problem === \'\' && known !== undefined) {',
    seenBy: STORES
  }
]
