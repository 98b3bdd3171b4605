/** Something that can encrypt and decrypt single values. Failures are thrown without telling their cause apart. */
export interface Encryptor {
  encrypt (plain: string): Promise<string>
  decrypt (cipher: string): Promise<string>
  /** `ssh-rsa AAAA... application`, when there is a public key. */
  readonly publicKey?: string
}
