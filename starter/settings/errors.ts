import { errorTable } from '../errors.ts'

/** Errors of reading settings: each names the file and line, never the value of a secret. */
export const settingsError = errorTable({
  E_CONFIG_YAML: { text: '%s.', next: 'Correct the file; nothing of it was used.' },
  E_CONFIG_PROPERTIES: { text: '%s.', next: 'Correct the file; nothing of it was used.' },
  E_CONFIG_JSON: { text: '%s.', next: 'Give one JSON object, for instance {"server":{"port":8080}}.' },
  E_CONFIG_READ: { text: 'cannot be read (%s).', next: 'Check the path and its permissions.' },
  E_CONFIG_LOCATION: {
    text: 'location "%s": %s.',
    next: 'Correct the location, or start it with "optional:" when the service can run without it.'
  },
  E_CONFIG_PROFILE: { text: 'profile "%s" is not valid: %s.', next: 'Use letters, digits and - _ . + @ only.' },
  E_CONFIG_EXPRESSION: {
    text: 'profile expression "%s" is not valid: %s.',
    next: 'Use names with ! & | and parentheses; & and | may not mix without parentheses.'
  },
  E_CONFIG_PLATFORM: { text: 'cloud platform "%s" is not known.', next: 'Use one of %s.' },
  E_CONFIG_MISPLACED: { text: '"%s" %s.', next: '%s' },
  E_CONFIG_CIPHER: {
    text: 'the value of "%s" cannot be decrypted with encrypt.key.',
    next: 'Encrypt it with this key and encrypt.salt, or set the key it was encrypted with.'
  },
  E_CONFIG_KEY: { text: '%s' },
  E_CONFIG_PLACEHOLDER: { text: 'placeholder "${%s}" %s.', next: 'Set it, or give a default: ${%s:value}.' },
  E_CONFIG_LIMIT: { text: 'is larger than the limit of %s.', next: 'Split it, or take out what is no setting.' },
  E_CONFIG_PLACEHOLDER_LOOP: { text: 'placeholder "${%s}" %s.', next: 'Take one of the references out.' },
  E_SETTING_MISSING: { text: 'setting "%s" is missing.', next: 'Set it in application.yml, or as environment variable %s.' },
  E_SETTING_TYPE: { text: 'setting "%s" is %s, which is no %s.', next: 'Give %s.' }
})
