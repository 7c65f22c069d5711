# Sets everything up and opens the app on its demo host. Whatever is given goes to xolite-qt instead.
$ErrorActionPreference = 'Stop'
$Root = Split-Path -Parent $PSScriptRoot
$Lock = 'requirements.txt'
. (Join-Path $PSScriptRoot 'setup.ps1')
Invoke-SetUp
$env:PYTHONPATH = $Root
$arguments = if ($args.Count -gt 0) { $args } else { @('--demo') }
& $Python -m xolite_qt @arguments
exit $LASTEXITCODE
