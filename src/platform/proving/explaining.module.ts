import { Module, type DynamicModule } from '@nestjs/common';
import type { Projection } from '../projecting/projection.js';
import { EXPLAINED, ExplainHttp } from './explain.http.js';

/** In the roles that answer requests, administrators are told why a row is what it is. */
@Module({})
export class ExplainingModule {
  static forRoot({ projections }: { readonly projections: readonly Projection[] }): DynamicModule {
    return {
      module: ExplainingModule,
      controllers: [ExplainHttp],
      providers: [{ provide: EXPLAINED, useValue: projections }],
    };
  }
}
