import { type DynamicModule, Module } from '@nestjs/common';
import { DemoGuestsHttp, DemoHttp } from './demo.http.js';

/** `guests`: whether the page may make people up. Without it the route for that does not exist, and the page asks for a token. */
@Module({})
export class DemoModule {
  static forRoot({ guests }: { readonly guests: boolean }): DynamicModule {
    return { module: DemoModule, controllers: guests ? [DemoHttp, DemoGuestsHttp] : [DemoHttp] };
  }
}
