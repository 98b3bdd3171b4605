/** Makes a folder of a config server and requests from a seed: the same seed gives the same. */
import { createRandom, type Random } from '@breakwater/messaging/testing'
import { PROPERTY_NAMES, PROPERTY_VALUES, YAML_NAMES, YAML_NODES, YAML_STYLES, YAML_VALUES } from '../settings/values.ts'
import type { ConfigCase, ConfigQuestion } from './case.ts'

/** "test", encrypted with the key of both. */
const CIPHER = '{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95'
const CIPHERS = [CIPHER, CIPHER.replace('{cipher}', '{cipher}{key:a}{name:b}'), '{cipher}00', '{cipher}', '{cipher}{key:a}0011', '{cipher}zz', ` ${CIPHER}`, CIPHER.replace('{cipher}', '{CIPHER}'), `${CIPHER} `, `x${CIPHER}`]

const REFERENCES = ['${port}', '${ port}', '${port }', '${port :1}', '${nope}', '${nope:d}', '${nope:${port}}', '\\${port}', '${b.${host}}', '${${which}}', '${which:x}', '${PORT}', '${list[0]}', '${list}', '${', '${}', '${port', 'x${port}y${host}z', '${host:a:b}', '${nope: 80}', '\\${b.${host}}', '${a${nope}}', '${empty}', '${map.x}', '#{port}', '$port', '${flag}', '${number}', '${none:${ port}}', '${maxSize}', '${max-size}']

const FLAT_TEXTS = ['"N"', '"08:15"', '"0:30"', '"2025-3-4"', '"2024-01-01 1:2:3"', '"."', '"1."', '"0777"', '"0o7"', '"-"', '"=" ', '"~"', '"~x"', '"a: b"', '"a #b"', '"- a"', '"? a"', '"[a"', '"{a"', '"a]"', '"a,b"', '"*a"', '"&a"', '"!a"', '"|"', '">"', '"%a"', '"@a"', '"`a"', '"\\"a\\""', '"\'a\'"', '"a\'b"', '" a"', '"a "', '"a\\n"', '"\\na"', '"a\\n\\nb"', '"a \\nb"', '"\\ta"', '"a\\tb"', '"\\u0007"', '"\\u0085"', '"\\u2028"', '"\\ufeff"', '"\\u00a0"', '"😀"', '"é"', '"\\\\"', '"a\\\\b\\tc"', '"null"', '"true"', '"1e3"', '"1_000"', '"0x1F"', '"12e03"', '"1e"', '"+"', '"<<"', '"---"', '"--- a"', '"..."', '"a:"', '":a"', '"#"', '""', '"a\\rb"', '"a\\r\\nb"', '"  "', '"\\n"', '"a\\n "', '" \\na"', '"0b11"', '"190:20:30"', '"1:2"', '".5"', '"5."', '"-.inf"', '".NaN"', '"+1"', '"-0"', '"y"', '"Off"',
  '"the warehouse in the harbour keeps goods of every kind and ships them on weekdays between eight and six o\'clock"', '"the warehouse in the harbour: it keeps goods of every kind and  ships them on weekdays only, between eight and six"', '"the warehouse in the harbour\\tkeeps goods of every kind and ships them on weekdays between eight and six"']

const own = (value: string): string => `'${value.replaceAll("'", "''")}'`

/** Lines of one key in YAML. */
function yamlLines (random: Random, key: string): string[] {
  const [first = '', ...rest] = random.pick(YAML_STYLES)
  const name = () => random.pick(YAML_NAMES)
  const kinds = [
    () => [`${key}: ${random.pick(YAML_VALUES)}`], () => [`${key}: ${random.pick(YAML_VALUES)}`], () => [`${key}: ${random.pick(YAML_NODES)}`], () => [`${key}: ${random.pick(FLAT_TEXTS)}`], () => [`${key}: ${random.pick(FLAT_TEXTS)}`],
    () => [`${key}: [${random.pick(FLAT_TEXTS)}, {x: ${random.pick(FLAT_TEXTS)}}]`], () => [`${key}: {${name()}: ${random.pick(YAML_VALUES)}}`], () => [`${key}: {${name()}: 1, more: {${name()}: 2}}`], () => [`${key}: ${own(random.pick(REFERENCES))}`],
    () => [`${key}: ${own(random.pick(REFERENCES))}`], () => [`${key}: ${own(random.pick(CIPHERS))}`], () => [`${key}: [${own(random.pick(CIPHERS))}, plain]`], () => [`${key}: ${first}`, ...rest]
  ]
  return random.pick(kinds)()
}

const propertyLine = (random: Random): string =>
  `${random.pick(['', '', '  '])}${random.pick(PROPERTY_NAMES)}${random.pick(['=', ':', ' = ', ' '])}${random.pick([...PROPERTY_VALUES, ...REFERENCES, ...CIPHERS])}`

const WORLD = ['port: 7001', 'host: pier', 'b: {pier: found}', 'which: host', 'list: [l0, l1]', 'map: {x: 1}', 'empty: ""', 'flag: yes', 'number: 2.50', 'max-size: 7']

const DOCUMENTS = ['spring.config.activate.on-profile: dev', 'spring.config.activate.on-profile: "!dev"', 'spring.config.activate.on-profile: dev | qa', 'spring.config.activate.on-profile: dev & qa', 'spring.config.activate.on-profile: default', 'spring.config.activate.on-profile: [dev, qa]', 'spring.config.activate.on-cloud-platform: none', 'spring.profiles: dev', 'spring.profiles.include: qa', 'spring.profiles.active: qa', 'x: 1', 'spring.config.import: shop2.yml', 'spring.config.import: optional:file:none.yml']

function yamlFile (random: Random, path: string): string {
  const keys = ['k1', 'k2', 'k3'].slice(0, 1 + random.below(3))
  const documents = [[`from: ${path}`, ...keys.flatMap(key => yamlLines(random, key))]]
  while (random.chance(0.25)) documents.push([random.pick(DOCUMENTS), `from: ${path} ${documents.length}`, `in${documents.length}: yes`])
  return documents.map(lines => lines.map(line => `${line}\n`).join('')).join('---\n')
}

function propertiesFile (random: Random, path: string): string {
  const lines = [`from=${path}`, ...Array.from({ length: 1 + random.below(3) }, () => propertyLine(random)), 'last=end']
  if (random.chance(0.25)) lines.push('#---', random.pick(DOCUMENTS).replaceAll(/[[\]"]/g, ''), `from=${path} 1`)
  return lines.map(line => `${line}\n`).join('')
}

const xmlFile = (random: Random, path: string): string => '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">\n' +
  `<properties>\n<entry key="from">${path}</entry>\n<entry key="${random.pick(['a.b', 'a[0]', 'a b', ''])}">${random.pick(['1 &lt; 2', '', ' x ', '${port}', '12'])}</entry>\n</properties>\n`

function file (random: Random, path: string): string {
  if (path.endsWith('.properties')) return propertiesFile(random, path)
  return path.endsWith('.xml') ? xmlFile(random, path) : yamlFile(random, path)
}

const STEMS = ['shop', 'shop', 'application', 'application-dev', 'shop-dev', 'shop-qa', 'till', 'shop-default', 'application-qa', 'my-shop']
const PLAIN: Readonly<Record<string, string>> = {
  'nginx.conf': 'listen ${port}; esc \\${port}; dflt ${nope:d}; ${nope}\n', 'nginx-dev.conf': 'dev ${k1}\n', 'txt/a(_)b.txt': 'low line\n', 'txt/sub/n.txt': 'nested ${host}\n', 'logo.svg': '<svg>${port}</svg>', 'data.json': '{"a": "${port}"}', 'none': 'no extension ${ port }',
  'v1/nginx.conf': 'label ${port}\n', 'a b.txt': 'blank', 'ä.txt': 'umlaut', '.hidden': 'hidden', 'empty.txt': '', 'plain.xml': '<a>${port}</a>', 'plain.html': '<p>', 'plain.js': '1', 'plain.properties': 'a=${port}\n', 'plain.yml': 'a: ${port}\n', 'secret.txt': CIPHER
}

const V2 = 'application/vnd.spring-cloud.config-server.v2+json'
const ACCEPTS = ['application/json', 'application/json', '*/*', V2, V2, V2, 'text/plain', 'application/xml', `${V2};q=0.5, application/json`, `application/json;q=0.5, ${V2}`, 'application/*', 'text/html, */*;q=0.1']
const NAMES = ['shop', 'shop', 'shop', 'till', 'shop,till', 'application', 'gone', 'my-shop', 'shop(_)x', 'till,shop', 'sh%6fp', 'shop%20', 'shop.x', '..', 'a..b', 'shop%23', '(_)shop', 'shop,', ',shop', 'shop,application', 'ä']
const PROFILES = ['default', 'default', 'dev', 'dev', 'dev,qa', 'qa,dev', 'gone', 'dev-x', 'dev.yml', 'de$v', '-dev', 'dev,', ',dev', 'dev%20', 'DEV', 'a.b', 'dev,dev', 'dev,..', 'd%2Cqa', 'dev@1', 'dev+1', 'dev..x', 'default,dev']
const LABELS = ['v1', 'v1', 'gone', 'v1,v2', 'v2,v1', 'v1,%20v2', 'feature(_)x', 'feature%2Fx', 'v1%20', 'a..b', '..', '.', 'V1', '(_)v1', 'v1,gone', 'v1,v1', 'v%31', ',', 'v1,', '%00', 'v1%5C', '.git']
const FLAT = ['yml', 'yml', 'yaml', 'json', 'json', 'properties', 'properties', 'xml', 'YML', 'txt']
const QUERIES = ['', '', '', '', '?resolvePlaceholders=false', '?resolvePlaceholders=true', '?resolvePlaceholders=FALSE', '?x=1', '?resolvePlaceholders=', '?resolvePlaceholders=no']
const PATHS = [...Object.keys(PLAIN).map(encodeURI), 'gone.conf', 'txt', 'txt/', 'txt/../nginx.conf', '..%2fnginx.conf', 'txt%2fsub%2fn.txt', 'txt(_)a.txt', 'META-INF/m.txt', 'shop.yml', 'application.yml', 'nginx.conf/', '//nginx.conf', 'txt/sub/n.txt', 'sub(_)n.txt', 'http:/x', 'v1/nginx.conf', 'nginx.conf%20', '%2e%2e/x']
const BODIES = ['hello', '', 'a=', 'x y', CIPHER, CIPHER.slice(8), '{key:a}hello', '{key:a}{plain}{x}', '00', 'zz', `${CIPHER.slice(8)}=`, '{name:a}', 'ä', '{"a":1}']

function path (random: Random): string {
  const [name, profile] = [random.pick(NAMES), random.pick(PROFILES)]
  const [label, query] = [random.pick(LABELS), random.pick(QUERIES)]
  const simple = () => random.pick(['shop', 'till', 'my-shop'])
  const kinds = [
    () => `/${simple()}/${random.pick(['default', 'dev', 'dev,qa'])}`, () => `/${simple()}/${random.pick(['default', 'dev', 'dev,qa'])}`, () => `/${name}/${profile}${query}`, () => `/${simple()}/${random.pick(['dev', 'default'])}/${label}`, () => `/${name}/${profile}/${label}`,
    () => `/${simple()}-${random.pick(['default', 'dev'])}.${random.pick(['yml', 'json', 'properties'])}${query}`, () => `/${simple()}-${random.pick(['default', 'dev'])}.${random.pick(['yml', 'json', 'properties'])}${query}`, () => `/shop-default.${random.pick(['yml', 'properties'])}`,
    () => `/${name}-${profile}.${random.pick(FLAT)}${query}`, () => `/${label}/${simple()}-${random.pick(['dev', 'default'])}.${random.pick(FLAT)}${query}`, () => `/${simple()}/${random.pick(['default', 'dev'])}/${random.pick(PATHS)}?useDefaultLabel${query.replace('?', '&')}`,
    () => `/${simple()}/${random.pick(['default', 'dev'])}/${label}/${random.pick(PATHS)}${query}`, () => random.pick(['/', '/shop', '/shop/', '/shop.yml', '/shop/dev/', '/shop/dev/v1/', '//shop/dev', '/shop//dev', '/shop/dev.yml', '/shop/dev-yml', '/shop/dev;x=1', '/shop;x=1/dev', '/shop/dev/v1?useDefaultLabel', '/favicon.ico', '/key', '/encrypt/status', '/key/shop/dev', '/a/b/c/d/e', '/shop-dev', '/-dev.yml', '/shop-.yml', '/shop-dev.', '/shop-dev.yml/', '/%', '/%zz/dev', '/shop/%C3'])
  ]
  return random.pick(kinds)()
}

function question (random: Random): ConfigQuestion {
  if (random.chance(0.06)) {
    const path = random.pick(['/decrypt', '/decrypt', '/decrypt/shop/dev', '/encrypt/..%2fa/dev', '/decrypt/a%20b/dev', '/decrypt/shop'])
    return { method: 'POST', path, accept: '*/*', body: random.pick(BODIES) }
  }
  if (random.chance(0.06)) {
    const path = random.pick(['/shop/dev', '/shop-dev.yml', '/encrypt', '/decrypt', '/key', '/encrypt/status', '/encrypt/shop/dev', '/shop/dev/v1', '/shop/dev/v1/nginx.conf', '/shop'])
    return { method: random.pick(['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'POST', 'GET']), path, accept: '*/*' }
  }
  return { method: 'GET', path: path(random), accept: random.pick(ACCEPTS) }
}

const QUESTIONS = 20

export function configCase (seed: number): ConfigCase {
  const random = createRandom(Math.imul(seed, 2246822519))
  const files: Record<string, string> = { 'application.yaml': WORLD.map(line => `${line}\n`).join('') }
  for (let count = 2 + random.below(3); count > 0; count--) {
    const path = `${random.pick(['', '', '', 'v1/', 'v2/', 'feature/x/'])}${random.pick(STEMS)}${random.pick(['.yml', '.yml', '.yml', '.yaml', '.properties', '.properties', '.xml', '.json'])}`
    files[path] = file(random, path)
  }
  for (const [name, text] of Object.entries(PLAIN)) if (random.chance(0.4)) files[name] = text
  return { files, questions: Array.from({ length: QUESTIONS }, () => question(random)) }
}
