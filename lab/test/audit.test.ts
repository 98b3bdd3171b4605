/** The audit can fail: what its judge takes for a fault, and how its client reads answers. */
import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { answersIn } from '../audit/answers.ts'
import type { Attack, Must, Theme } from '../audit/attack.ts'
import { CORPUS } from '../audit/corpus/all.ts'
import type { Exchange } from '../audit/exchange.ts'
import { givenTarget } from '../audit/given.ts'
import { judge } from '../audit/judge.ts'
import { asJson, sumLine, themeLines } from '../audit/report.ts'
import { runCorpus, sampled } from '../audit/run.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const BAD = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'

function after (text: string, endedMs?: number): Exchange {
  return { text, bytes: text.length, endedMs, answers: answersIn(text, endedMs !== undefined) }
}

t.test('answers are cut as their framing says', async t => {
  const statuses = (text: string, ended = false, method = 'GET') => answersIn(text, ended, method).map(({ status }) => status)
  t.strictSame(statuses(OK + BAD), [200, 400])
  t.strictSame(statuses('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n\r\n' + OK), [200], 'interim ones are none')
  t.strictSame(statuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n' + OK), [200, 200])
  t.strictSame(statuses('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'), [], 'not all of it is there')
  t.strictSame(statuses('HTTP/1.1 200 OK\r\n\r\nall'), [], 'it ends with the connection')
  t.strictSame(statuses('HTTP/1.1 200 OK\r\n\r\nall', true), [200])
  t.strictSame(statuses('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' + OK, false, 'HEAD'), [200, 200])
  t.strictSame(statuses('no HTTP'), [])
})

t.test('each expectation can fail, and each can hold', async t => {
  const served = after(OK)
  const refused = after(BAD, 5)
  const table: ReadonlyArray<readonly [Must, Exchange, Exchange]> = [
    [{ refused: true }, refused, served], [{ refused: true }, after('', 5), after('')], [{ refused: true }, refused, after(BAD + OK, 5)],
    [{ status: [400] }, refused, served], [{ lacks: ['ok'] }, refused, served], [{ has: ['ok'] }, served, refused],
    [{ endsWithinMs: 5 }, refused, served], [{ endsWithinMs: 4 }, after(BAD, 3), refused], [{ maxAnswerBytes: 10 }, after('x'), served]
  ]
  const faults = (must: Must, exchange: Exchange) => judge(must, { exchange, heard: ['GET /a'], logs: () => 'a line' }).length
  for (const [must, right, wrong] of table) {
    t.equal(faults(must, right), 0, JSON.stringify(must))
    t.equal(faults(must, wrong), 1, JSON.stringify(must))
  }
  for (const [right, wrong] of [[{ unheard: ['^POST'] }, { unheard: ['^GET'] }], [{ heard: ['/a'] }, { heard: ['/b'] }],
    [{ logged: 'line' }, { logged: 'other' }], [{ unlogged: ['other'] }, { unlogged: ['line'] }]] as Array<[Must, Must]>) {
    t.equal(faults(right, served), 0, JSON.stringify(right))
    t.equal(faults(wrong, served), 1, JSON.stringify(wrong))
  }
})

/** Answers as it is told, from now on. */
async function server (t: Test, answer: (socket: Socket, text: string) => void): Promise<string> {
  const listening = createServer(socket => {
    socket.on('error', () => {}).on('data', (chunk: Buffer) => { answer(socket, chunk.toString('latin1')) })
  }).listen(0, '127.0.0.1')
  await new Promise(resolve => listening.once('listening', resolve))
  t.teardown(() => new Promise(resolve => listening.close(resolve)))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

const ATTACK: Attack = { name: 'a', source: 's', door: 'gateway', bytes: 'GET /{mark} HTTP/1.1\r\nHost: {host}\r\nX: {length}\r\n\r\nfive!', must: { refused: true } }
const THEMES: readonly Theme[] = [{ name: 'one', about: 'x', attacks: [ATTACK, { ...ATTACK, name: 'b', own: true }, { ...ATTACK, name: 'c', door: 'bus' }] }]

t.test('against a server of somebody else what is served is a fault', async t => {
  const asked: string[] = []
  const url = await server(t, (socket, text) => {
    asked.push(text)
    socket.end(OK)
  })
  const told: string[] = []
  const onOutcome = ({ attack }: { attack: Attack }) => { told.push(attack.name) }
  const outcomes = await runCorpus(THEMES, givenTarget([url]), { quick: true, onOutcome })
  t.equal(outcomes.find(({ attack }) => attack.name === 'a')?.kind, 'fault')
  t.strictSame(outcomes.filter(({ attack }) => attack.name !== 'a').map(({ kind }) => kind), ['skipped', 'skipped'])
  t.equal(told.length, 3)
  const [first = ''] = asked
  t.match(first, /^GET \/x0x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nX: 5\r\n/)
  t.equal(sumLine(outcomes), '1 inputs, 1 tried, 1 faults')
  t.match(themeLines(outcomes)[0], /^one +1 tried, 1 faults$/)
  t.match(JSON.parse(asJson(outcomes)), [{ theme: 'one', source: 's', where: 'given' }])
})

t.test('a server that answers the attack and nobody afterwards has been stopped by it', async t => {
  let count = 0
  const url = await server(t, socket => { if (count++ === 0) socket.end(BAD) })
  const [outcome] = await runCorpus([{ name: 'one', about: 'x', attacks: [ATTACK] }], givenTarget([`gateway=${url}`]), { quick: true, onOutcome: () => {} })
  t.match(outcome, { kind: 'fault', faults: [/answers nobody/] })
})

t.test('a target that is none is said', async t => {
  for (const word of ['house=http://x', 'https://x', 'gateway=', 'x']) t.throws(() => givenTarget([word]), TypeError, word)
})

t.test('the corpus: many inputs, each named once, each with its source', async t => {
  const all = CORPUS.flatMap(({ name, attacks }) => attacks.map(attack => ({ name: `${name}/${attack.name}`, attack })))
  t.ok(all.length > 1_500, `${all.length}`)
  const twice = [...Map.groupBy(all, ({ name }) => name)].filter(([, some]) => some.length > 1).map(([name]) => name)
  t.strictSame(twice, [])
  for (const { name, attack: { source, must, bytes, door } } of all) {
    if (source === '' || (Object.keys(must).length === 0 && !name.includes('flood'))) t.fail(`${name} expects nothing`)
    // eslint-disable-next-line no-control-regex
    if (/[^\0-\xff]/.test(bytes)) t.fail(`${name} to ${door} has characters that are no bytes`)
  }
})

t.test('a sample is spread evenly', async t => {
  const attacks = Array.from({ length: 100 }, (_none, at): Attack => ({ ...ATTACK, name: String(at) }))
  const [theme] = sampled([{ name: 'one', about: 'x', attacks }], 4)
  t.strictSame(theme?.attacks.map(({ name }) => name), ['0', '25', '50', '75'])
  t.equal(sampled([{ name: 'one', about: 'x', attacks }], 1000)[0]?.attacks.length, 100)
})
