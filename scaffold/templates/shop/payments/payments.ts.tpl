/** What payments does with a command. Each is handled once, however often it arrives; its answer is kept with it. */
import type { Emitter, Envelope, MessageRoute, SqlTx } from '@breakwater/messaging'

export const TABLES = 'CREATE TABLE IF NOT EXISTS taken (cart TEXT PRIMARY KEY, amount {{int}} NOT NULL) {{strict}};'

const LIMIT = 100

export const routes: Record<string, MessageRoute<SqlTx>> = {
  'payments.TakeMoney.v1': { kind: 'command', handle: async (command, tx, emit) => {
    const amount = Number(command.data['amount'])
    if (amount > LIMIT) return answer(command, emit, 'payments.MoneyRefused.v1')
    await tx.run('INSERT INTO taken (cart, amount) VALUES (?, ?) ON CONFLICT (cart) DO NOTHING', command.subject, amount)
    return answer(command, emit, 'payments.MoneyTaken.v1')
  } },
  'payments.GiveBack.v1': { kind: 'command', handle: async (command, tx, emit) => {
    await tx.run('DELETE FROM taken WHERE cart = ?', command.subject)
    return answer(command, emit, 'payments.MoneyReturned.v1')
  } }
}

async function answer (command: Envelope, emit: Emitter, type: string): Promise<void> {
  await emit.event({ type, subject: command.subject, aggregateType: 'payment', aggregateVersion: 1, data: {} })
}
