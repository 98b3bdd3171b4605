import { errorTable } from '@breakwater/starter/errors'

/** Every error of the config server; protocol bodies (Boot's four fields) are made of them in `web/error-body.ts`. */
export const error = errorTable({
  E_ASK_NAME: { text: 'The application name %s is not allowed.', status: 400 },
  E_ASK_PROFILE: {
    text: 'The profile %s is not allowed: letters, digits and -_.+@ only, the first and last a letter or digit.',
    status: 400
  },
  E_ASK_LABEL: { text: 'The label %s is not allowed.', status: 400 },
  E_ASK_PATH: { text: 'The path %s is not allowed.', status: 400 },
  E_ASK_URL: { text: 'The request path is no valid URL encoding, or hides a slash outside the label.', status: 400 },
  E_ASK_SWITCH: { text: 'The query parameter %s is neither true nor false.', status: 400 },
  E_ASK_FORBIDDEN: { text: '%s may not %s %s.', status: 403 },
  E_CONFIG_NO_LABEL: { text: 'There is no label %s.', status: 404 },
  E_CONFIG_EMPTY: { text: 'No configuration file matches %s.', status: 404 },
  E_CONFIG_NOT_FOUND: { text: 'There is nothing at this path.', status: 404 },
  E_ASK_METHOD: { text: '%s is not supported here.', status: 405 },
  E_ASK_ACCEPT: { text: 'None of the media types in Accept can be served.', status: 406 },
  E_CONFIG_FILE: { text: '%s', next: 'Correct the file; other applications are not affected.', status: 500 },
  E_CONFIG_FILE_LIMIT: {
    text: 'The file has %s, the limit is %s.',
    next: 'Split it, or raise breakwater.config-server.%s.',
    status: 500
  },
  E_PLAIN_FILE_LIMIT: {
    text: 'The file has %s bytes, the limit is %s.',
    next: 'Keep it elsewhere, or raise breakwater.config-server.max-plain-file-bytes.',
    status: 413
  },
  E_FLAT_KEY: { text: 'The key %s has no place in a tree: %s.', status: 400 },
  E_FLAT_PLACEHOLDER: { text: '%s', status: 400 },
  E_CONFIG_BACKEND: {
    text: '%s does not answer and nothing of it is known yet: %s',
    next: 'Check the address and the credentials; the server goes on trying.',
    status: 503,
    canRetry: true
  },
  E_CIPHER_STORE: {
    text: 'The key store cannot be used: %s.',
    next: 'Check encrypt.key-store.password, .secret and .alias; the file must be PKCS12 or JKS.'
  },
  E_CIPHER_FORMAT: { text: 'Key data not in correct format (PEM or jks keystore)', status: 400 },
  E_CIPHER_NO_KEY: { text: 'No key was installed for encryption service', status: 404 },
  E_CIPHER_UNKNOWN_KEY: { text: 'Server-side decryption is not supported', status: 400 },
  E_CIPHER_INVALID: { text: 'Text not encrypted with this key', status: 400 },
  E_CIPHER_NO_PUBLIC_KEY: { text: 'No public key available', status: 404 },
  E_CIPHER_BODY: { text: 'The text to work on is the body of the request, with a Content-Type.', status: 400 },
  E_CONFIG_INVALID: { text: '%s: %s.', next: 'Correct the value or the schema.', status: 500 },
  E_CONFIG_NO_GOOD_STATE: {
    text: '%s No earlier state has every file that is broken now, so there is none to be served instead.',
    status: 500
  },
  E_CONFIG_NO_HISTORY: { text: 'Only a git repository alone has versions.', status: 404 },
  E_VAULT_TOKEN: { text: 'Vault needs a token.', next: 'Send X-Config-Token, or give the server one.', status: 400 },
  E_VAULT_REFUSED: { text: 'Vault refused the token (%s).', next: 'Check its policy and whether it has expired.', status: 403 },
  E_OPERATOR_BODY: { text: 'The body must be JSON such as %s.', status: 400 },
  E_CONFIG_WATCHERS: {
    text: 'Too many clients are watching.', next: 'Try again later, or raise breakwater.config-server.max-watchers.',
    status: 503, canRetry: true
  },
  E_WEBHOOK_SIGNATURE: {
    text: 'This webhook is not signed with the secret of this server.',
    next: 'Set breakwater.config-server.webhook.secret here and at the git host, or webhook.unsigned: true to do without.',
    status: 403
  },
  E_WEBHOOK_BODY: { text: 'The body of a webhook is one JSON object.', status: 400 },
  E_CONFIG_SETTING: { text: '%s: %s', next: '%s' }
})
