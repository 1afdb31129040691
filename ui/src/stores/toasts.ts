/** Short notices. An error stays until it is closed; what went well leaves by itself. */
import { defineStore } from 'pinia';
import { ref } from 'vue';

export interface Toast { id: number; tone: 'ok' | 'bad' | 'info'; title: string; text: string; to?: string }
const STAY_MS = 6_000;

export const useToasts = defineStore('toasts', () => {
  const items = ref<Toast[]>([]);
  let next = 0;
  function dismiss(id: number): void {
    items.value = items.value.filter((toast) => toast.id !== id);
  }
  function show(tone: Toast['tone'], title: string, text = '', to?: string): number {
    const id = ++next;
    items.value = [...items.value, { id, tone, title, text, to }].slice(-4);
    if (tone !== 'bad') setTimeout(() => { dismiss(id); }, STAY_MS);
    return id;
  }
  return { items, show, dismiss };
});
