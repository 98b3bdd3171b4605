/** Files and questions for which ours and Spring's server must give the same answers, byte for byte. */

export const FILES: Record<string, string> = {
  'application.yml': 'shared: 1\nlist: [a, b, c]\n---\nspring.config.activate.on-profile: dev\nshared: dev document\n' +
    '---\nspring.config.activate.on-profile: "dev & qa"\nboth: true\n',
  'application-dev.yml': 'shared: from application-dev\n',
  'foo.yml': 'k: foo\nmap: {a: 1, b: {c: 2}}\nlist: [x]\n',
  'foo.properties': 'k=from properties\nspaces = a b \nlong=a\\\n  b\n',
  'esc.properties': 'esc\\ aped=\\u00e4\\tx\n! no comment = 1\n',
  'foo-dev.yml': 'k: dev\n',
  'foo-qa.properties': 'k=qa\n#---\nspring.config.activate.on-profile=qa\nk=qa document\n',
  'bar.yaml': 'spring.profiles.include: [extra, more]\nk: bar\n',
  'bar.properties': 'spring.profiles.include[0]=third\n',
  'bar-extra.yml': 'k: extra\n',
  'bar-more.yml': 'k: more\n',
  'bar-third.yml': 'k: third\n',
  'late.yml': 'a: 1\n---\nspring.config.activate.on-profile: dev\nspring.profiles.include: extra\n',
  'late2.yml': 'a: 1\n',
  'late2-dev.yml': 'spring.profiles.include: [extra]\n',
  'legacy.yml': 'a: 1\n---\nspring.profiles: dev\nb: 2\n',
  'types.yml': ['int: 42', 'octal: 014', 'hex: 0xFF', 'under: 1_000', 'sexa: 12:30:45', 'clock: 21:59', 'odd: 12:75',
    'big: 12345678901234567890', 'float: 3.14', 'exp: 1e3', 'small: 0.0009', 'two: 2.0', 'yes: yes', 'no: no',
    'date: 2020-01-02', 'time: 2020-01-02T03:04:05Z', 'nothing:', 'tilde: ~', 'empty: []', 'map: {}',
    'text: "42"', 'eight: 08', 'binary: 0b1010', 'o14: 0o14', 'plus: +1', 'neg: -0', 'sci: 6.02E23', 'tiny: 1.5e-7'].join('\n'),
  'odd.yml': 'nan: .nan\ninf: .inf\nminus: -.inf\nhuge: 1e400\ny: y\n',
  'text.yml': 'multi: |\n  a\n  b\nfolded: >\n  a\n  b\nquote: "it\'s"\ncolon: "a: b"\nhash: "a #b"\nnil: "null"\nempty: ""\n' +
    'bool: "true"\nnum: "1e3"\nspace: " x "\nunicode: "äöü€"\nat: "@x"\nstar: "*x"\ndash: "- x"\nbrace: "{x}"\ntab: "x\\ty"\n' +
    'tabs: "line\\n\\ttab"\ncr: "a\\r\\nb"\nback: "\\\\ and \\" \\t"\nmerge: "<<"\nmark: "--- a"\nkeep: "a\\n\\n"\n',
  'anchors.yml': 'base: &b {a: 1, b: 2}\nmerged: {<<: *b, b: 3}\ncopy: *b\n',
  'refs.yml': 'name: shop\nurl: http://${name}/${missing}/${other:dflt}\nnested: ${${which}}\nwhich: name\nesc: \\${name}\n',
  'nest.yml': 'a: [[1, 2], [{b: c}]]\nm: {"[x/y]": 1, "x/y": 2}\norg.springframework: WARN\norg.springframework.cloud: ERROR\n',
  'seq.yml': '- a\n- b: 1\n',
  'word.yml': 'just text\n',
  'secret.yml': 'a: 1\npw: "{cipher}bf29452295df354e6153c5b31b03ef23c70e55fba24299aa85c63438f1c43c95"\nbad: "{cipher}00"\nz: 2\n',
  'xml.xml': '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE properties SYSTEM "http://java.sun.com/dtd/properties.dtd">\n' +
    '<properties><entry key="a.b">1 &lt; 2</entry></properties>\n',
  'root.yml': '1: a\n',
  'keys.yml': 'true: a\nx: {1: b, true: c}\n',
  'broken.yml': 'a: [1\n',
  'twice.yml': 'a: 1\na: 2\n',
  'v1/foo.yml': 'k: label v1\n',
  'nginx.conf': 'server ${k} ${missing};\n',
  'nginx-dev.conf': 'dev ${k};\n'
}

const NAMES = ['foo', 'foo,bar', 'bar', 'types', 'text', 'anchors', 'refs', 'nest', 'seq', 'word', 'secret', 'unknown',
  'application', 'broken', 'twice', 'late', 'late2', 'legacy', 'root', 'keys']
const PROFILES = ['default', 'dev', 'dev,qa', 'qa,dev']

/** Questions that both kinds of clients ask. */
export const ENVIRONMENTS = [
  ...NAMES.flatMap(name => PROFILES.map(profile => `/${name}/${profile}`)), '/foo/dev/v1', '/foo/dev/none', '/foo/dev-yml',
  '/foo(_)x/dev', '/foo,bar/qa'
]

/** Forms in which the media type asked for changes nothing, or only the type that is answered. */
export const OTHERS = [
  // In v2 its origins differ: Spring does not count the backslash before a character of a key.
  '/odd/dev', '/odd-dev.json', '/odd-dev.yml', '/xml/dev', '/xml-dev.json', '/esc/dev', '/esc-dev.yml', '/esc-dev.json', '/esc-dev.properties',
  ...NAMES.filter(name => !name.includes(',')).flatMap(name =>
    ['yml', 'yaml', 'json', 'properties'].map(extension => `/${name}-dev.${extension}`)),
  '/refs-dev.yml?resolvePlaceholders=false', '/v1/foo-dev.yml', '/foo/qa/v1/nginx.conf',
  '/foo/dev/v1/nginx.conf', '/foo/dev/nginx.conf?useDefaultLabel', '/foo/dev/v1/none.conf', '/foo', '/foo.yml', '/foo/dev.yml',
  '/foo/dev/', '/encrypt/status', '/key'
]
