import { get } from "../api/client.ts";
import type { Page, Product } from "../api/types.ts";
import { useResource } from "../state/resource.ts";
import { goTo, route } from "../state/route.ts";
import { token } from "../state/session.ts";

/** Changes the product that all pages are about. */
export function ProductPicker() {
  const { value } = useResource(
    token.value,
    (signal) => get<Page<Product>>("/api/v1/products", { limit: 500 }, signal),
    { pollMs: 60_000 },
  );
  const { productId, page } = route.value;
  const known = (value.value?.items ?? []).map(({ id }) => id);
  const choices = known.includes(productId) ? known : [productId, ...known];
  return (
    <label class="tool-field">
      <span class="visually-hidden">Product</span>
      <select
        value={productId}
        onChange={(event) => goTo(`#/${encodeURIComponent(event.currentTarget.value)}/${page}`)}
      >
        {choices.map((id) => (
          <option key={id} value={id}>
            {id}
          </option>
        ))}
      </select>
    </label>
  );
}
