// Close codes, message kinds, limits and addresses are part of this library's API: one import is enough.
@_exported public import MartletHTTP
@_exported public import MartletProtocol
