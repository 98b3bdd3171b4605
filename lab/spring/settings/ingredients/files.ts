/** Where files are: imports, config trees, locations, platforms, and bytes that are hardly a file. */
import type { Ingredient } from '../ingredients.ts'

const IMPORTS = ['extra.yml', './extra.yml', 'sub/extra.yml', 'sub/', './sub/', 'file:@FOLDER@/extra.yml', 'file:@FOLDER@/sub/', 'optional:gone.yml', 'gone.yml', 'optional:gone/', 'gone/', 'extra.properties', 'extra.yml,sub/extra.yml',
  'sub/extra.yml, extra.yml', 'extra.yml;sub/extra.yml', 'sub/;optional:gone/', 'extra[.yml]', 'file:@FOLDER@/plain[.yml]', 'plain[.properties]', 'configtree:@FOLDER@/tree/', 'configtree:@FOLDER@/tree', 'optional:configtree:@FOLDER@/gone/',
  'configtree:@FOLDER@/gone/', 'configtree:@FOLDER@/trees/*/', 'optional:vault:x', 'vault:x', 'plain', 'optional:plain', 'extra-blue.yml', 'sub/extra[.yml]', 'optional:sub/gone[.yml]', 'optional:env:GONE_VAR', 'env:GONE_VAR', '${EXTRA_CONF:extra.yml}', '${NAME_OF}.yml',
  'classpath:gone.yml', 'optional:classpath:gone.yml', 'loop.yml', 'application.yml', '../application.yml', '', 'extra.yml,', ',extra.yml', 'optional:', 'extra.yaml', 'sub', 'extra.txt', 'file:extra-none.yml', 'optional:file:none/', 'chain.yml', 'deep/profiled.yml']

const TREE = { 'tree/q': '${SMTP_PORT:9}', 'tree/pw': 'ab${c}', 'tree/lines': 'line\n\n\n', 'tree/one': 'one\n', 'tree/dir/inner': ' x ', 'tree/.hidden': 'h', 'tree/db.user': 'u', 'tree/crlf': 'a\r\n', 'tree/..data/x': 'no', 'trees/a/k': 'a', 'trees/b/k': 'b', 'tree/UPPER_case': 'v', 'tree/empty': '' }

const imports: Ingredient = (draft, name) => {
  const { random } = draft
  const own = (file: string) => [`${name}.from: ${file}`, `${name}.in-${file.replaceAll(/\W/g, '-')}: "yes"`]
  for (const file of ['extra.yml', 'sub/extra.yml', 'extra.properties', 'sub/application.yml', 'sub/application-blue.yml', 'extra-blue.yml']) {
    draft.lines(file, own(file))
    draft.ask('get', `${name}.in-${file.replaceAll(/\W/g, '-')}`)
  }
  draft.text('plain', `${name}.from: plain\n`)
  draft.text('extra.txt', `${name}.from: text\n`)
  draft.text('loop.yml', `spring.config.import: loop.yml\n${name}.from: loop\n`)
  draft.text('chain.yml', `spring.config.import: sub/extra.yml\n${name}.from: chain\n`)
  draft.text('deep/profiled.yml', `${name}.from: deep\n---\nspring.config.activate.on-profile: blue\nspring.config.import: ../extra.yml\n${name}.deep: blue\n`)
  for (const [file, text] of Object.entries(TREE)) draft.text(file, text)
  Object.assign(draft.env, { EXTRA_CONF: random.pick(['sub/extra.yml', 'extra.yml']), NAME_OF: 'extra' })
  if (random.chance(0.5)) draft.args.push('--spring.profiles.active=blue')
  const location = random.pick(IMPORTS)
  const local = location.split(/[,;]/).every(part => /@FOLDER@|^(optional:)?(vault|env|classpath):|^optional:/.test(part))
  random.pick([
    () => { draft.lines('application.yml', [`spring.config.import: "${location}"`, `${name}.from: main`]) },
    () => { draft.lines('application.yml', [`spring.config.import: ["${location}", extra.yml]`, `${name}.from: main`]) },
    () => { draft.lines('application.properties', [`spring.config.import=${location}`, `${name}.from=main`]) },
    () => { draft.lines('application-blue.yml', [`spring.config.import: "${location}"`, `${name}.from: main`]) },
    () => { draft.lines('application.yml', [`${name}.from: first`]); draft.lines('application.yml', [`spring.config.import: "${location}"`], Math.max(1, draft.documents('application.yml'))) },
    () => { if (local) draft.args.push(`--spring.config.import=${location}`); else draft.lines('application.yml', [`spring.config.import: '${location}'`]) }
  ])()
  if (random.chance(0.15)) draft.args.push(`--spring.config.on-not-found=${random.pick(['ignore', 'fail', 'IGNORE'])}`)
  draft.ask('get', `${name}.from`, `${name}.deep`, 'q', 'pw', 'lines', 'one', 'dir.inner', '.hidden', 'db.user', 'crlf', 'k', 'upper.case', 'UPPER_case', 'upper-case', 'empty')
}

const locations: Ingredient = (draft, name) => {
  const { random } = draft
  for (const file of ['application.yml', 'x/application.yml', 'y/application.yml', 'x/application-blue.yml', 'y/application-blue.yml', 'other.yml', 'x/other.yml', 'other-blue.yml', 'config/application.yml', 'config/a/application.yml', 'config/b/application.properties']) {
    draft.lines(file, [`${name}.from: ${file}`, `${name}.in-${file.replaceAll(/\W/g, '-')}: "yes"`])
    draft.ask('get', `${name}.in-${file.replaceAll(/\W/g, '-')}`)
  }
  const paths = ['file:@FOLDER@/x/', 'file:@FOLDER@/y/', 'optional:file:@FOLDER@/gone/', 'file:@FOLDER@/other.yml', 'file:@FOLDER@/config/*/', '@FOLDER@/x/', 'file:@FOLDER@/gone/', 'file:@FOLDER@/x', 'optional:file:@FOLDER@/gone.yml', 'file:@FOLDER@/*/', 'file:@FOLDER@/x/*/']
  const one = () => random.pick(paths)
  const value = random.pick([one, one, () => `${one()},${one()}`, () => `${one()};${one()}`])()
  random.pick([
    () => { draft.args.push(`--spring.config.additional-location=${value}`) }, () => { draft.args.push(`--spring.config.location=${value}`) }, () => { draft.env['SPRING_CONFIG_ADDITIONALLOCATION'] = value },
    () => { draft.env['SPRING_CONFIG_ADDITIONAL_LOCATION'] = value }, () => { draft.args.push(`--spring.config.name=${random.pick(['other', 'other,application', 'application,other', 'gone', 'other, application'])}`) }, () => { draft.args.push(`--spring.config.additional-location[0]=${one()}`) }
  ])()
  if (random.chance(0.5)) draft.args.push('--spring.profiles.active=blue')
  draft.ask('get', `${name}.from`)
}

const PLATFORM_VARIABLES = ['DYNO', 'VCAP_SERVICES', 'VCAP_APPLICATION', 'HC_LANDSCAPE', 'NOMAD_ALLOC_ID', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT', 'SHOP_SERVICE_HOST', 'SHOP_SERVICE_PORT', 'WEBSITE_SITE_NAME', 'WEBSITE_INSTANCE_ID', 'WEBSITE_RESOURCE_GROUP', 'WEBSITE_SKU']
const PLATFORMS = ['none', 'kubernetes', 'heroku', 'cloud-foundry', 'cloud_foundry', 'CLOUD_FOUNDRY', 'sap', 'nomad', 'azure-app-service', 'azure_app_service', 'Kubernetes', 'KUBERNETES', 'aws', 'k8s', '']

const platforms: Ingredient = (draft, name) => {
  const { random } = draft
  for (let count = random.below(4); count > 0; count--) draft.env[random.pick(PLATFORM_VARIABLES)] = 'x'
  if (random.chance(0.4)) draft.args.push(`--spring.main.cloud-platform=${random.pick(PLATFORMS)}`)
  for (const platform of ['kubernetes', 'none', random.pick(PLATFORMS)]) {
    draft.lines('application.yml', [`spring.config.activate.on-cloud-platform: "${platform}"`, `${name}.on-${platform}: "yes"`], Math.max(1, draft.documents('application.yml')))
    draft.ask('get', `${name}.on-${platform}`)
  }
}

const RAW: readonly ((name: string) => string)[] = [
  name => `\ufeff${name}.a: 1\n`, name => `${name}.a: 1\r\n${name}.b: 2\r\n`, name => `${name}.a: 1\r${name}.b: 2\r`, () => '', () => '\n\n', () => '# note\n', () => '---\n', name => `---\n---\n${name}.a: 1\n`, name => `${name}.a: 1\n---\n${name}.a: 2\n`,
  name => `${name}.a: 1\n...\n${name}.a: 2\n`, name => `%YAML 1.1\n---\n${name}.a: 1\n`, name => `%YAML 1.2\n---\n${name}.a: yes\n`, name => `${name}.a: 1\n${name}.a: 2\n`, name => `${name}: {a: 1}\n${name}.a: 2\n`, name => `${name}.a: 2\n${name}: {a: 1}\n`, name => `- ${name}\n`, name => name,
  name => `{"${name}.a": 1}\n`, name => `${name}: {a: 1,\n  b: 2}\n`, name => `x: &b {a: 1, c: 3}\n${name}: {<<: *b, a: 2}\n`, name => `x: &b [1, 2]\n${name}: {a: *b}\n`, name => `${name}:\n  a: 1\n b: 2\n`, name => `${name}:\n  a: 1\n   b: 2\n`, name => `${name}.a: 1 # x\n# y\n${name}.b: 2`,
  name => `${name}.a:1\n`, name => `${name}.a : 1\n`, name => `"${name}.a": 1\n`, name => `? ${name}.a\n: 1\n`, name => `${name}.a: "x\n`, name => `${name}.a: 1\n--- {${name}.b: 2}\n`, name => `--- # note\n${name}.a: 1\n`, name => `${name}.a: 1\n---\n- b\n`, name => `${name}.a: \u0001\n`, name => `${name}.a: "\u007f"\n`,
  name => `a: &a [1]\n${name}.a: *a\n${name}.b: *a\n`, name => `${name}.a: 1\n\n---\n\n---\nspring.config.activate.on-profile: blue\n${name}.a: 2\n`, name => `null: 1\n${name}.a: 1\n`, name => `1: 1\n${name}.a: 1\n`, name => `x: {<<: [{a: 1}, {a: 2, b: 3}]}\n${name}.a: 1\n`, name => `\t${name}.a: 1\n`, name => `${name}.a: \t1\n`, name => `${name}.a: 1\t# x\n`
]

const PROPERTIES_RAW: readonly ((name: string) => string)[] = [
  name => `\ufeff${name}.a=1\n`, name => `${name}.a=1\r\n${name}.b=2\r\n`, name => `${name}.a=1\r${name}.b=2`, name => `#---\n${name}.a=1\n`, name => `${name}.a=1\n#---\n${name}.a=2\n`, name => `${name}.a=1\n!---\n${name}.a=2\n`, name => `${name}.a=1\n#--- \n${name}.a=2\n`, name => `${name}.a=1\n # ---\n${name}.a=2\n`,
  name => `${name}.a=1\n#----\n${name}.a=2\n`, name => `${name}.a=1\n${name}.a=2\n`, name => `${name}.a=1\\`, name => `${name}.a=1\\\n\n${name}.b=2\n`, name => `${name}.a=1\\\n# x\n${name}.b=2\n`, name => `${name}.a\n${name}.b=1\n`, name => `=1\n${name}.a=1\n`, name => `${name}.a=\\u12\n`, name => `${name}.a=\\u00zz\n`, name => `${name}.a=ä\n`,
  name => `${name}.a=1\n#---\n#---\n${name}.a=2\n`, name => `# x\n#---\n${name}.a=1\n`, name => `${name}.a=1\n# x\n#---\n${name}.a=2\n`, name => `${name}.a=1\n#---\n# x\n${name}.a=2\n`, name => `${name}.a=1\n#---\n`, name => `\\#${name}.c=1\n${name}.a=1\n`, name => `${name}.a=x\\\n    y\\\n  z\n`, name => `${name}.a=1\n#---\nspring.config.activate.on-profile=blue\n${name}.a=2\n`
]

const rawFiles: Ingredient = (draft, name) => {
  const { random } = draft
  const yaml = random.chance(0.6)
  draft.text(yaml ? 'application.yaml' : 'application-default.properties', random.pick(yaml ? RAW : PROPERTIES_RAW)(name))
  if (!yaml && random.chance(0.5)) draft.text('application.properties', random.pick(PROPERTIES_RAW)(name))
  draft.ask('get', `${name}.a`, `${name}.b`, `${name}.c`, name, 'a', 'document')
  draft.ask('map', name)
}

export const files: readonly Ingredient[] = [imports, imports, imports, locations, platforms, rawFiles, rawFiles]
