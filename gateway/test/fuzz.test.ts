/** Our parsers against Node's own, on mutated bytes. Longer: node gateway/test/fuzzing/run.ts --seconds 600 */
import t from 'tap'
import { CHECKS, fuzz } from './fuzzing/run.ts'

for (const [name, check] of CHECKS) {
  t.test(`What Node's parser refuses in ${name} we refuse; what both accept means the same`, async (t) => {
    t.comment(await fuzz(name, check, 2_500, Math.floor(Math.random() * 2 ** 32)))
  })
}
