import { errorTable } from '@breakwater/starter/errors'

/** What can be wrong with the registry before and while it runs. */
export const discoveryError = errorTable({
  E_DISCOVERY_OPTION: {
    text: '%s must be %s, not %s.',
    next: 'Correct the setting and start again.'
  },
  E_SNAPSHOT_FILE: {
    text: 'the snapshot file %s cannot be used (%s).',
    next: 'Give it a folder that this user may write to, or leave the setting out.'
  },
  E_PEER_TIMEOUT: {
    text: 'the peer did not answer within %s ms.',
    canRetry: true
  },
  E_PEER_UNREACHABLE: {
    text: 'the peer cannot be reached (%s).',
    next: 'Check eureka.client.service-url.defaultZone and that the peer runs.',
    canRetry: true
  },
  E_PEER_URL: {
    text: '"%s" is no URL of a peer.',
    next: 'Write it as http://HOST:8761/eureka/.'
  }
})
