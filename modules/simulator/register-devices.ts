const batchMax = 1000;

/**
 * Registers devices through the app API and answers their tokens; none without a token for it. Throws with the
 * server's own words when it refuses.
 */
export async function registerDevices(
  target: { readonly apiUrl?: string; readonly token?: string; readonly productId: string },
  identities: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { apiUrl, token, productId } = target;
  const tokens = new Map<string, string>();
  if (apiUrl === undefined || token === undefined) return tokens;
  const path = `/api/v1/products/${encodeURIComponent(productId)}/devices?tokens=true`;
  for (let start = 0; start < identities.length; start += batchMax) {
    const batch = identities.slice(start, start + batchMax).map((identity) => ({ identity }));
    const response = await fetch(new URL(path, apiUrl), {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify(batch),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Registering devices was answered with ${response.status}: ${text}`);
    for (const [identity, given] of Object.entries(tokensOf(text))) tokens.set(identity, given);
  }
  return tokens;
}

function tokensOf(text: string): Record<string, string> {
  const answer = JSON.parse(text) as { tokens?: Record<string, string> };
  return answer.tokens ?? {};
}
