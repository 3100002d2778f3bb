// 10,000 random requests for each exchange, signed by its SDK and by the adapter. The tests are those of the suite.
process.env.MDTOOL_TEST_REQUESTS = '10000';
await import('../support-tests/accounts/sdk.test.js');
