/** Faults of commands on PostgreSQL. */
import type { Mutant } from '../mutant.ts'

export const POSTGRES_COMMANDS: readonly Mutant[] = [
  {
    id: 'postgres-begin-kept',
    package: 'messaging',
    breaks: 'a session whose BEGIN failed is good for the next command',
    file: 'messaging/store/postgres-commands.ts',
    from: '    try {\n      await session.query(begin)\n',
    to: '    await session.query(begin)\n    try {\n',
    seenBy: ['messaging/test/store-postgres-faults.test.ts']
  },
  {
    id: 'postgres-lock-is-slow',
    package: 'messaging',
    breaks: 'a command that waits for a lock is not slow by itself',
    file: 'messaging/store/postgres-commands.ts',
    from: ', () => session.asking)',
    to: ')',
    seenBy: ['messaging/test/store-postgres-faults.test.ts']
  }
]
