const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text that came from a client, safe between tags and inside quoted attributes. */
export function escapeHtml (text: string): string {
  return text.replace(/[&<>"']/g, char => ESCAPES[char]!)
}
