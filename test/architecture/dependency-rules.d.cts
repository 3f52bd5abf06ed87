import type { IConfiguration, IForbiddenRuleType } from 'dependency-cruiser';

declare const rules: {
  readonly forbidden: IForbiddenRuleType[];
  readonly options: NonNullable<IConfiguration['options']> & {
    readonly enhancedResolveOptions: NonNullable<NonNullable<IConfiguration['options']>['enhancedResolveOptions']>;
  };
};
export = rules;
