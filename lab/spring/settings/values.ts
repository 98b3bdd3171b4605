/** What values may look like, by where they are written. */

/** Kept apart from what a file writes: what variables, arguments and JSON texts hold. */
export const TEXTS = [
  'red', '', ' ', '  ', 'a,b', ' a , b ', 'a,,b', ',', 'a b', '42', '-7', '+7', '014', '08', '0xFF', '0X2a', '#ff', '-0x10',
  '3.0', '2.50', '.5', '5.', '2e2', '1E-3', '2f', '2D', '0x1p2', '1_000', '12345678901234567890', 'NaN', '1e400', 'true', 'TRUE', 'Yes',
  'on', 'off', 'no', '0', '1', 'y', ' true ', ' 42 ', '10s', '10 s', '500ms', '1d', '2H', '1m', '-5s', '+5s', '1.5s', '10us', '10ns', 'PT1M30S', 'pt1m', 'P1D',
  'PT-2S', '-PT2S', 'P1DT2H', 'PT0.5S', 'P', 'PT', '1w', '10MB', '512KB', '1gb', '2TB', '3B', '-2KB', '+3MB', '1 MB', '1.5MB', '10mb', '7K', 'straße', '日本',
  'null', '~', '[a, b]', '{}', 'a=b', 'a: b', '"q"', "'q'", '#x', 'x #y', 'a\\b', '\\,', '$', '$x', '${', '}', '#{1+1}', '@x@'
]

/** Right of the colon in YAML, in one line. */
export const YAML_VALUES = [
  'red', '42', '-7', '+7', '014', '08', '0xFF', '0b1010', '0o14', '3.0', '2.50', '.5', '5.', '2e2', '1e3', '1.0e+3', '1E-3', '6.02e23', '1_000', '1_0.5_0',
  '12345678901234567890', '9007199254740993', '.inf', '-.INF', '.nan', '1e400', '-0', '-0.0', '12:30', '12:30:45', '1:2.5', '190:20:30.15', '12:75',
  'true', 'TRUE', 'True', 'yes', 'Yes', 'on', 'Off', 'no', 'y', 'n', 'tRue', 'null', 'NULL', '~', '', '2020-01-02', '2020-01-02T03:04:05Z', '2001-12-14 21:59:43.10 -5',
  "''", '""', "'it''s'", '"a\\tb"', '"a\\nb"', '"\\u00e4"', '"\\x41"', '"x\\/y"', '"a\\\\b"', "' x '", '" 42 "', '"42"', "'true'", '"  "', '"a,b"', '"a, b ,c"',
  '10s', '1.5s', 'PT1M', 'PT-2S', '10MB', '-2KB', '+3MB', '512 KB', 'a b', 'a #b', 'a#b', 'a:b', 'http://x/y', '"#"', '"@x"', 'straße', '"日本"', '=', '<<', '"<<"',
  '!!str 42', '!!int "42"', '!!float 1', '!!bool "yes"', '!!null ""', '!!binary aGk=', '! 42', '!own x', '2f', '2D', '0X2a', '0x1p2', '1__0', '0x', '0_7', '+.5', '-.5', '1.e2', '+0x1F'
]

/** Right of the colon in YAML: what is no scalar. */
export const YAML_NODES = [
  '[]', '{}', '[a]', '[a, b, c]', '[1, 2.0, yes]', '[[a, b], [c]]', '[{x: 1}, {x: 2}]', '{x: 1, y: 2}', '{x: {y: 1}}', '{x: [1, 2]}', '[null, a]', '[a, ]',
  '["a,b", c]', '[" a ", b]', '{x: }', '{x: null}', '{x: []}', '{x: {}}', '[[]]', '[{}]', '{? x : 1}', '{x: 1, "y.z": 2}', '{"x": 1, \'y\': 2}', '[~]', '[""]'
]

/** Names of map entries, as YAML writes them. */
export const YAML_NAMES = [
  'x', 'up', 'Up', 'UP', 'one-two', 'oneTwo', 'one_two', 'ONE_TWO', '"[a.b]"', '"[team/name]"', '"[v1.2]"', '"[x]"', '"[Up]"', '"team/name"', '"two words"', '"$n"', 'straße',
  '"x[y]"', '"x[0]"', '"[]"', '"b."', '".b"', '"b..c"', '"a.b"', '"[a][b]"', '"[a].b"', '"[a]b"', '"a[b"', '"a]b"', '1', '1.5', 'true', 'yes', '~', '2020-01-02', '"0"', '"-"', '"_"', '"a-"', '"-a"',
  '"a--b"', '"[0]"', '"[a b]"', '"[ ]"', '"日本"', '"a:b"', '"a=b"', '"[[a]]"', '"x.[y]"', '"[x].[y]"', '"x[y].z"', '"[x]y[z]"'
]

/** Right of the equals sign in properties files. */
export const PROPERTY_VALUES = [
  'red', '42', ' 42', '42 ', '014', '3.0', '2e2', '', '   ', 'a,b', ' a , b ', 'a\\tb', 'a\\nb', '\\u00e4', 'ä', '\\ x', 'a\\\\b', 'a\\', 'a \\\n   b', 'true', 'yes', '10s', 'PT-2S', '10MB', '-2KB',
  '"q"', '#x', '!x', 'a=b', 'a:b', '\\#x', '\\qx', '\\', 'a\\:b', '[a, b]', '{}', 'null', '1_000', '0x1p2', '\\u0041\\u0042', 'a\\fb', 'a\\rb', '\t42', 'x\t'
]

/** Left of the equals sign in properties files, below a name. */
export const PROPERTY_NAMES = [
  'x', 'Up', 'one-two', 'oneTwo', 'one_two', 'a.b', 'a[0]', 'a[1]', 'a[b]', 'a[b.c]', '[a.b]', 'b.', 'b..c', 'a\\:b', 'a\\=b', 'a\\ b', '\\u00e4', 'a\\tb', '\\#x', '0', 'a[]', 'a[0].b', 'a[0][1]', '[team/name]', 'x[y].z'
]

/** Right of the colon in YAML, over several lines. */
export const YAML_STYLES: readonly (readonly string[])[] = [
  ['|', '  one', '  two'], ['>', '  one', '  two', '', '  three'], ['|-', '  one', '', ''], ['|+', '  one', '', ''], ['>-', '  one', '   two', '  three'], ['|2', '    one', '   two'],
  ['"one', '  two\\', '  three"'], ['one', '  two', '  three'], ["'one", '', "  two'"], ['|  # note', '  one # no note'], ['>+', '', '  one', ''],
  ['', '- a', '- b'], ['', '  - a', '  -   - b', '      - c'], ['', '  x: 1', '  y: 2'], ['', '  - x: 1', '    y: 2'], ['&anchor 1'], ['{', '  x: 1,', '  y: 2', '}'], ['[a,', '  b]'],
  ['', '  ? x', '  : 1'], ['# note', '  x: 1'], ['', '\tx: 1'], ['x: 1'], ['[a'], ['"a'], ['*gone'], ['%x'], ['@x'], ['`x'], ['- a'], ['? a'], ['|9x'], ['!!map {x: 1}'], ['!!set {x, y}'], ['!!omap [x: 1]'], ['&a {x: 1, <<: {y: 2}}']
]
