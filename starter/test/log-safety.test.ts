/** What a line of the log may hold of errors and of credentials, whoever made them. */
import t from 'tap'
import { describeError } from '../describe-error.ts'
import { maskText } from '../settings/index.ts'
import { memoryLog } from './support.ts'

t.test('a foreign error is told by its known fields only, whatever else hangs on it, in whatever field of the line', t => {
  const { log, lines } = memoryLog()
  const response = { req: { _header: 'GET /\r\nx-consul-token: hidden-1\r\n' }, password: 'hidden-2' }
  const error = Object.assign(new TypeError('no', { cause: Object.assign(new Error('inner'), { response }) }), { code: 'E_X', response, $metadata: { httpStatusCode: 403 } })
  log.warn({ err: error }, 'a')
  log.warn({ failure: error, other: 1 }, 'b')
  log.child({ logger: 'x' }).error(error)
  log.warn({ err: { message: 'a plain object', response } }, 'c')
  t.notMatch(JSON.stringify(lines), /hidden|_header/)
  const told = { type: 'TypeError', message: 'no', code: 'E_X', status: 403, stack: /^TypeError: no\n/, cause: { type: 'Error', message: 'inner' } }
  t.match(lines, [{ err: told }, { failure: told, other: 1 }, { err: told }, { err: { type: 'Object', message: 'a plain object' } }])
  t.end()
})

t.test('the size of what is told is bounded, cycles end, and nothing that an error does can stop the line', t => {
  const circular: { cause?: unknown } = new Error('x'.repeat(1_000_000))
  circular.cause = circular
  t.ok(JSON.stringify(describeError(circular)).length < 60_000)
  const many = new AggregateError(Array.from({ length: 1_000 }, (_, i) => new Error(String(i))), 'many')
  t.equal(describeError(many).errors?.length, 5)
  t.match(describeError({ get message () { throw new Error('a getter') }, code: 'y'.repeat(5_000) }), { message: '', code: /^y{100}\.\.\./ })
  for (const thrown of [undefined, null, 'text', 7, Symbol('s')]) t.type(describeError(thrown).message, 'string')
  t.end()
})

const MASKED: ReadonlyArray<readonly [string, string]> = [
  ['redis://:pa/s@s@h:6379/0', 'redis://******@h:6379/0'],
  ['a https://x:ghp@github.com/a.git: b', 'a https://******@github.com/a.git: b'],
  ['GET http://h/x?a=1&access_token=abc#f', 'GET http://h/x?a=1&access_token=******#f'],
  ['/x?X-Amz-Signature=abc&b=1', '/x?X-Amz-Signature=******&b=1'],
  ['x-consul-token: 5ec7', 'x-consul-token: ******'],
  ['authorization: Basic dXNlcjpwYXNz', 'authorization: ****** ******'],
  ['with Bearer eyJh.bGc.x1', 'with Bearer ******'],
  ['host=h password=abc user=x', 'host=h password=****** user=x'],
  ['{"clientSecret":"a\\"b","n":1}', '{"clientSecret":"******","n":1}']
]

const KEPT = ['http://h/a@b', 'http://h:80/?mail=a@b', 'http://[::1]:80/x@y', 'unexpected token: } in JSON', 'basic authentication is on',
  'password authentication failed for user "x"', 'a;b=c', 'GET /users?page=1&size=2']

t.test('credentials are taken out of text wherever they stand, other text stays, and JSON stays JSON', t => {
  for (const [text, masked] of MASKED) t.equal(maskText(text), masked)
  for (const text of KEPT) t.equal(maskText(text), text)
  const line = JSON.stringify({ msg: 'bad "http://u:p"w\\@h/" of a@b', url: 'http://u:p@h', n: 'x@y' })
  t.same(JSON.parse(maskText(line)), { msg: 'bad "http://******@h/" of a@b', url: 'http://******@h', n: 'x@y' })
  t.end()
})

t.test('masking takes time in proportion to the text', t => {
  const time = (text: string): number => {
    const startedAt = performance.now()
    maskText(text)
    return performance.now() - startedAt
  }
  for (const part of ['://', '://a@', '?a=', 'token=', 'basic ', '\\"', 'a.', 'password']) {
    t.ok(time(`token${part.repeat(500_000 / part.length)}`) < 2_000, part)
  }
  t.end()
})
