/** Spring's own config server over one folder, whose files change from case to case. */
import { startJava, type JavaProcess } from '../../../discovery/test/spring/java.ts'
import { KEY } from './case.ts'

/** Its project, which `npm run test:spring` builds. */
const PROJECT = new URL('../../../config-server/test/spring', import.meta.url).pathname

/** `after` is told how to end it. */
export function startSpringServer (root: string, after: (stop: () => unknown) => void): Promise<JavaProcess> {
  return startJava({ after, comment: text => { process.stderr.write(`${text}\n`) } }, PROJECT, 'SpringConfigServer', {
    'spring.profiles.active': 'native', 'spring.cloud.config.server.native.search-locations': `file:${root}`,
    'spring.cloud.config.enabled': 'false', 'spring.cloud.config.import-check.enabled': 'false',
    'eureka.client.enabled': 'false', 'encrypt.key': KEY, 'management.endpoints.web.exposure.include': 'health'
  })
}
