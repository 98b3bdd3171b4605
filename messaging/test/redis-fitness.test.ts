/** Which Redis is taken for a store, and what is said of one that is not, or is not any more. */
import { createServer, type AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { t, type Test } from 'tap'
import { openKeyValueStore } from '../wiring.ts'
import { redisError } from '../store/redis/errors.ts'
import { ASSUMPTIONS, faultOf } from '../store/redis/fitness.ts'
import { openRedis, readRedisOptions, type RedisOptions } from '../stores.ts'
import { until } from './until.ts'
import { noRedis, startRedis } from './servers.ts'

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always']

async function withRedis (t: Test, args: readonly string[] = DURABLE) {
  const server = await startRedis(args)
  const admin = new Redis(server.url).on('error', () => {})
  t.teardown(async () => {
    admin.disconnect()
    await server.stop()
  })
  /** Opens and closes; the error when it is refused. */
  const opening = async (options: Partial<RedisOptions> = {}) => {
    const store = await openRedis({ url: server.url, name: 'test', ...options })
    await store.close()
  }
  return { server, admin, opening }
}

t.test('settings that forget are refused at start, each by its name', { skip: noRedis }, async t => {
  const { admin, opening } = await withRedis(t)
  const wrong = [
    ['maxmemory-policy', 'noeviction', ['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-lfu',
      'volatile-random', 'volatile-ttl']],
    ['appendfsync', 'always', ['everysec', 'no']],
    ['no-appendfsync-on-rewrite', 'no', ['yes']],
    ['appendonly', 'yes', ['no']]
  ] as const
  await t.resolves(opening())
  for (const [setting, right, values] of wrong) {
    for (const value of values) {
      await admin.config('SET', setting, value)
      const message = new RegExp(`${setting} ${value}.* Set .*${setting} ${right}`, 's')
      await t.rejects(opening(), { code: 'E_STORE_NOT_DURABLE', message })
    }
    await admin.config('SET', setting, right)
  }
  await admin.config('SET', 'appendfsync', 'no', 'maxmemory-policy', 'allkeys-lru')
  await t.rejects(opening({ assume: ['noeviction'] }), { message: /appendfsync no/ })
  await t.rejects(opening({ assume: ['durable'] }), { message: /maxmemory-policy allkeys-lru/ })
  await t.resolves(opening({ assume: ['durable', 'noeviction'] }))
})

t.test('a server that does not tell its settings is taken at the operator\'s word', { skip: noRedis }, async t => {
  await t.test('CONFIG is gone', async t => {
    const { opening } = await withRedis(t, [...DURABLE, '--rename-command', 'CONFIG', ''])
    await t.rejects(opening(), { code: 'E_STORE_UNFIT',
      message: /nobody can tell whether it flushes.*CONFIG GET is refused.*breakwater\.store\.assume=durable/s })
    await t.resolves(opening({ assume: ['durable'] }), 'whether it evicts is told by INFO')
  })

  await t.test('CONFIG is gone, and INFO says enough to refuse', async t => {
    const { opening } = await withRedis(t,
      ['--appendonly', 'no', '--maxmemory-policy', 'volatile-lru', '--rename-command', 'CONFIG', ''])
    await t.rejects(opening({ assume: ['noeviction'] }),
      { code: 'E_STORE_NOT_DURABLE', message: /appendonly no.*assume=durable/s })
    await t.rejects(opening({ assume: ['durable'] }),
      { code: 'E_STORE_NOT_DURABLE', message: /maxmemory-policy volatile-lru/ })
  })

  await t.test('CONFIG is not permitted', async t => {
    const { server, admin, opening } = await withRedis(t)
    await admin.call('ACL', 'SETUSER', 'app', 'on', '>geheim', '~{test}:*', '+@all', '-config')
    const url = server.url.replace('//', '//app:geheim@')
    await t.rejects(opening({ url }), { code: 'E_STORE_UNFIT', message: /\+config\|get/ })
    await t.resolves(opening({ url, assume: ['durable'] }))
    await admin.call('ACL', 'SETUSER', 'app', '+config|get')
    await t.resolves(opening({ url }))
  })
})

t.test('a right that is missing is named at start, before a commit could stop half way', { skip: noRedis }, async t => {
  const { server, admin, opening } = await withRedis(t)
  const url = server.url.replace('//', '//app:geheim@')
  await opening()
  const allow = (...rules: string[]) => admin.call('ACL', 'SETUSER', 'app', 'reset', 'on', '>geheim', ...rules)
  const used = ['eval', 'info', 'scan', 'select', 'hget', 'hset', 'hdel', 'hexists', 'hincrby', 'hlen', 'zadd', 'zrem',
    'zcard', 'zrangebylex', 'zrevrangebylex', 'zlexcount', 'get', 'set', 'del', 'pexpire']
  for (const command of used) {
    await allow('~{test}:*', '+@all', `-${command}`)
    await t.rejects(opening({ url }), { code: 'E_STORE_DENIED', message: new RegExp(`'?${command}'?`, 'i') }, command)
  }
  await allow('~{other}:*', '+@all')
  await t.rejects(opening({ url }), { code: 'E_STORE_DENIED', message: /NOPERM/ }, 'another service\'s keys')
  await allow('~{test}:*', '-@all', '+wait', '+config|get', ...used.map(name => `+${name}`))
  await t.resolves(opening({ url }), 'no more than these')
})

t.test('the wrong server, database or word', { skip: noRedis }, async t => {
  const { server, admin, opening } = await withRedis(t)

  await t.test('a replica', async t => {
    const replica = await startRedis([...DURABLE, '--replicaof', '127.0.0.1', new URL(server.url).port])
    t.teardown(() => replica.stop())
    await t.rejects(opening({ url: replica.url }),
      { code: 'E_STORE_READ_ONLY', message: /replica of 127\.0\.0\.1:\d+/ })
  })

  await t.test('a cluster', async t => {
    const cluster = await startRedis([...DURABLE, '--cluster-enabled', 'yes'])
    t.teardown(() => cluster.stop())
    await t.rejects(opening({ url: cluster.url }), { code: 'E_STORE_UNFIT', message: /cluster mode/ })
  })

  await t.test('a database of others, unless that is meant', async t => {
    const url = `${server.url.slice(0, -1)}3`
    await admin.select(3)
    await admin.set('session:1', 'x')
    await t.rejects(opening({ url }), { code: 'E_STORE_UNFIT', message: /"session:1".*assume=shared/s })
    await t.resolves(opening({ url, assume: ['shared'] }))
    await t.resolves(opening(), 'the one beside it is its own')
    await admin.select(0)
  })

  await t.test('services of ours share one', async t => {
    await opening({ name: 'one' })
    await t.resolves(opening({ name: 'two' }))
  })

  await t.test('keys of ours that are somebody else\'s', async t => {
    await admin.set('{taken}:data', 'x')
    await t.rejects(opening({ name: 'taken' }), { code: 'E_STORE_UNFIT', message: /WRONGTYPE/ })
    await admin.del('{taken}:data')
  })

  await t.test('an index that somebody has deleted', async t => {
    await opening({ name: 'half' })
    await admin.zadd('{half}:index', 0, 'state/nothing')
    await t.rejects(opening({ name: 'half' }), { code: 'E_STORE_CORRUPT', message: /\{half\}:data/ })
  })

  await t.test('a database that does not exist is not taken for the first', async t => {
    await t.rejects(opening({ url: `${server.url}99` }),
      { code: 'E_STORE_UNFIT', message: /DB index is out of range/ })
  })

  await t.test('a password that is wrong, missing or needless; none is in what is said', async t => {
    const locked = await startRedis([...DURABLE, '--requirepass', 'right-one'])
    t.teardown(() => locked.stop())
    const as = (who: string) => locked.url.replace('//', `//${who}`)
    for (const url of [as(''), as(':wrong-one@'), as('me:wrong%2Done@')]) {
      await t.rejects(opening({ url }), { code: 'E_STORE_DENIED', message: /^(?!.*wrong-one).*(NOAUTH|WRONGPASS)/s })
    }
    await t.resolves(opening({ url: as(':right-one@') }))
  })

  await t.test('what is no Redis', async t => {
    for (const url of ['postgres://me:geheim@host/db', 'geheim', 'http://:geheim@host']) {
      await t.rejects(openRedis({ url, name: 'x' }),
        { code: 'E_STORE_SETTING', message: /^(?!.*geheim).*breakwater\.store\.url/s })
    }
    const http = createServer(socket => {
      socket.on('error', () => {}).on('data', () => { socket.end('HTTP/1.1 400 Bad Request\r\n\r\n') })
    })
    await new Promise<void>(resolve => { http.listen(0, '127.0.0.1', resolve) })
    t.teardown(() => new Promise(resolve => { http.close(resolve) }))
    const { port } = http.address() as AddressInfo
    await t.rejects(openRedis({ url: `redis://127.0.0.1:${port}`, name: 'x' }),
      { code: 'E_STORE_DOWN', message: /Protocol error/ })
  })
})

t.test('settings are read, and wrong ones named', async t => {
  const read = (values: Record<string, string>) =>
    readRedisOptions({ string: (key: string, otherwise?: string) => values[key] ?? otherwise ?? '' })
  t.same(read({}), { assume: [] })
  t.same(read({ 'breakwater.store.assume': ' durable, shared', 'breakwater.store.replicas': '2' }),
    { assume: ['durable', 'shared'], replicas: 2 })
  t.throws(() => read({ 'breakwater.store.assume': 'durabel' }), { code: 'E_STORE_SETTING', message: /"durabel".*durable/ })
  for (const value of ['-1', 'all', '1.5', '10']) {
    t.throws(() => read({ 'breakwater.store.replicas': value }),
      { code: 'E_STORE_SETTING', message: /breakwater\.store\.replicas/ })
  }
})

t.test('servers that cannot be had here', async t => {
  const config = new Map([['appendonly', 'yes'], ['appendfsync', 'always'], ['no-appendfsync-on-rewrite', 'no'],
    ['maxmemory-policy', 'noeviction']])
  const fault = (lines: Record<string, string>, replicas = 0) =>
    faultOf({ info: new Map(Object.entries({ redis_version: '7.0.0', role: 'master', ...lines })), config }, new Set(), replicas)
  t.equal(fault({}), undefined)
  for (const version of ['2.8.24', '3.2.0', '5.0.14']) {
    t.match(fault({ redis_version: version }), { code: 'E_STORE_UNFIT', message: /Redis 6\.0/ })
  }
  for (const version of ['6.0.0', '6.2.1', '7.4.2', '8.0.0', '255.255.255']) {
    t.equal(fault({ redis_version: version }), undefined)
  }
  t.match(fault({ loading: '1' }), { code: 'E_STORE_DOWN', canRetry: true })
  t.match(fault({}, 1), { code: 'E_STORE_UNFIT', message: /0 replicas follow, 1/ })
  t.equal(fault({ slave0: 'ip=1.2.3.4,port=1,state=online,offset=1,lag=0' }, 1), undefined)
  t.match(fault({ slave0: 'ip=1.2.3.4,port=1,state=wait_bgsave,offset=0,lag=0' }, 1), { code: 'E_STORE_UNFIT' })
  t.match(faultOf({ info: new Map(), config: undefined }, new Set(), 0),
    { message: /whether it evicts.*assume=noeviction/s })
  t.equal(faultOf({ info: new Map(), config: undefined }, new Set(ASSUMPTIONS), 0), undefined)
})

t.test('a server that changes under its connections', { skip: noRedis }, async t => {
  const { server, admin } = await withRedis(t)
  const store = await openRedis({ url: server.url, name: 'test', recheckMs: 50 })
  t.teardown(() => store.close())
  const put = () => store.tx(async tx => { tx.put('k', 1) })
  const code = () => put().then(() => 'taken', (error: Error & { code: string }) => error.code)
  await put()

  await t.test('is not used while it forgets, and is when it does not', async t => {
    const settings = [['maxmemory-policy', 'allkeys-lru', 'noeviction'], ['appendfsync', 'everysec', 'always']] as const
    for (const [setting, wrong, right] of settings) {
      const refusal = { code: 'E_STORE_NOT_DURABLE', statusCode: 503, canRetry: true,
        message: new RegExp(`${setting} ${right}`) }
      await admin.config('SET', setting, wrong)
      await until(async () => await code() === 'E_STORE_NOT_DURABLE', 'it is refused')
      await t.rejects(store.check(), refusal)
      await until(() => store.read.get('k').then(() => false, () => true), 'reads are refused, too')
      await t.rejects(store.read.get('k'), refusal)
      await admin.config('SET', setting, right)
      await until(async () => await code() === 'taken', 'it is used')
    }
  })

  await t.test('is another one after a restart, and is asked at once', async t => {
    await server.kill()
    await until(async () => await code() === 'E_STORE_DOWN', 'it is away')
    await server.start()
    await until(async () => await code() === 'taken', 'it is back')
    t.equal(await store.read.get('k'), 1)
  })
})

t.test('a server that will not just now', { skip: noRedis }, async t => {
  const { server, admin } = await withRedis(t)
  const store = await openRedis({ url: server.url, name: 'test' })
  t.teardown(() => store.close())
  const put = (size: number) => store.tx(async tx => {
    tx.put('big', 'x'.repeat(size))
    const id = `m${size}`
    await tx.outbox.append([{ id, dedupe: id, kind: 'event', dest: 'd', group: 'g', type: 't', body: '{}' }])
  })
  await put(1)

  await t.test('no memory: E_STORE_FULL, nothing of the command is there, and reads go on', async t => {
    await admin.config('SET', 'maxmemory', '1mb')
    await t.rejects(put(1000), { code: 'E_STORE_FULL', statusCode: 503, canRetry: true })
    await t.rejects(store.check(), { code: 'E_STORE_FULL' })
    t.equal(await store.read.get('big'), 'x')
    t.equal(await store.outbox.count(), 1)
    await admin.config('SET', 'maxmemory', '0')
    await t.resolves(put(1000))
  })

  await t.test('turned into a replica: E_STORE_READ_ONLY, and back', async t => {
    await admin.call('REPLICAOF', '127.0.0.1', '1')
    await t.rejects(put(2000), { code: 'E_STORE_READ_ONLY', canRetry: true })
    await admin.call('REPLICAOF', 'NO', 'ONE')
    await until(() => put(2000).then(() => true, () => false), 'it is the primary again')
  })

  await t.test('busy with somebody\'s script: E_STORE_DOWN, and fine when it is over', async t => {
    await admin.config('SET', 'busy-reply-threshold', '1')
    const busy = new Redis(server.url)
    const killed = busy.eval('while true do end', 0).catch(() => {})
    await until(() => admin.ping().then(() => false, (error: Error) => error.message.startsWith('BUSY')), 'it is busy')
    await t.rejects(put(3000), { code: 'E_STORE_DOWN', canRetry: true, message: /BUSY/ })
    await admin.call('SCRIPT', 'KILL')
    await killed
    busy.disconnect()
    await t.resolves(put(3000))
  })
})

t.test('every answer of a server means "not now", or who must do what', async t => {
  const reply = (message: string) =>
    Object.assign(new Error(message), { name: 'ReplyError', command: { name: 'auth', args: ['geheim'] } })
  const answers = [['OOM command not allowed when used memory > \'maxmemory\'. script: abc, on @user_script:12.', 'E_STORE_FULL'],
    ['ERR Error running script (call to f_a): @user_script:5: @user_script: 5: -OOM command not allowed', 'E_STORE_FULL'],
    ['MISCONF Errors writing to the AOF file: No space left on device', 'E_STORE_FULL'],
    ['MISCONF Redis is configured to save RDB snapshots, but it\'s currently unable to persist to disk.', 'E_STORE_DOWN'],
    ['READONLY You can\'t write against a read only replica.', 'E_STORE_READ_ONLY'],
    ['LOADING Redis is loading the dataset in memory', 'E_STORE_DOWN'],
    ['MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to \'no\'.', 'E_STORE_DOWN'],
    ['NOREPLICAS Not enough good replicas to write.', 'E_STORE_DOWN'], ['CLUSTERDOWN The cluster is down', 'E_STORE_DOWN'],
    ['NOSCRIPT No matching script.', 'E_STORE_DOWN'], ['BUSY Redis is busy running a script.', 'E_STORE_DOWN'],
    ['UNKILLABLE Sorry the script already executed write commands', 'E_STORE_DOWN'], ['TRYAGAIN Multiple keys request', 'E_STORE_DOWN'],
    ['MOVED 3999 127.0.0.1:6381', 'E_STORE_DOWN'],
    ['NOPERM User me has no permissions to run the \'zadd\' command', 'E_STORE_DENIED'],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'E_STORE_DENIED'],
    ['NOAUTH Authentication required.', 'E_STORE_DENIED'],
    ['ERR unknown command `AUTH`, with args beginning with: `me` `geheim`', 'E_STORE_UNFIT'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', 'E_STORE_UNFIT']] as const
  for (const [message, code] of answers) {
    const error = redisError(reply(message), 'redis://me:geheim@host:1/0')
    t.match(error, { code, canRetry: true, statusCode: 503 }, message)
    t.notMatch(inspect(error, { depth: 9 }), /geheim/)
  }
})

t.test('a service whose setting names another kind of store is told at start', async t => {
  const settings = { string: (key: string, otherwise: string) =>
    key === 'breakwater.store.url' ? 'postgres://me:geheim@h/db' : otherwise }
  await t.rejects(openKeyValueStore(settings as never, 'inventory'),
    { code: 'E_STORE_SETTING', message: /^(?!.*geheim).*redis:\/\//s })
})
