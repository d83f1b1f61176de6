import { mount } from 'svelte';
import '../base/style/tokens.css';
import '../base/style/base.css';
import '../base/style/shell.css';
import '../base/style/picture.css';
import { begin, end } from '../base/idle';
import { Store } from '../state/store.svelte';
import App from './App.svelte';

// The first frame is drawn with the right font: nothing is measured or placed twice.
begin();
const store = new Store();
void document.fonts.load('420 12px "Inter DV"').finally(() => {
  mount(App, { target: document.body, props: { store } });
  void store.start().finally(end);
});
