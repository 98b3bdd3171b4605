import { t } from 'tap'
import { messagingError } from '../errors.ts'
import { GroupCommit, type Batch } from '../store/group-commit.ts'

t.test('group commit', async t => {
  const counting = (commits: { n: number }): Batch<object> => ({
    begin: () => {}, open: () => ({}), keep: () => {}, undo: () => {}, alive: () => true, rollback: () => {},
    commit: () => { commits.n++ }
  })
  const options = { maxCommands: 50, lockWaitMs: 10_000, commandMs: 20 }

  await t.test('commands of one turn share a commit', async t => {
    const commits = { n: 0 }
    const group = new GroupCommit(counting(commits), options)
    await Promise.all(Array.from({ length: 120 }, () => group.run(async () => {})))
    t.equal(commits.n, 3)
  })

  await t.test('a command that waits for something else is ended, the store goes on', async t => {
    const group = new GroupCommit(counting({ n: 0 }), options)
    await t.rejects(group.run(() => new Promise(() => {})), { code: 'E_TX_SLOW' })
    t.equal(await group.run(async () => 5), 5)
  })

  await t.test('a lock that somebody holds is waited for, and nothing else', async t => {
    let begun = 0
    const begin = (code: 'E_STORE_BUSY' | 'E_STORE_READ_ONLY') => () => {
      if (++begun <= 3) throw messagingError(code, ['so'])
    }
    const held = new GroupCommit({ ...counting({ n: 0 }), begin: begin('E_STORE_BUSY') }, options)
    t.equal(await held.run(async () => 1), 1)
    begun = 0
    const readOnly = new GroupCommit({ ...counting({ n: 0 }), begin: begin('E_STORE_READ_ONLY') }, options)
    await t.rejects(readOnly.run(async () => 1), { code: 'E_STORE_READ_ONLY' })
    t.equal(begun, 1)
  })

  await t.test('a failed commit fails all of its commands', async t => {
    const group = new GroupCommit({ ...counting({ n: 0 }), commit: () => { throw new Error('disk') } }, options)
    const results = await Promise.allSettled([group.run(async () => 1), group.run(async () => 2)])
    t.same(results.map(result => result.status), ['rejected', 'rejected'])
  })
})
